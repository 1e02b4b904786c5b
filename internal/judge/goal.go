// Package judge holds what was seen against what must happen. It is a pure
// function of an expected table and a timeline: it must not touch a cluster, and
// it does not import internal/observe.
//
// "Could not tell" is neither a pass nor a denial: only an identity from the right
// server is evidence for Allow, only silence or refusal from a server that is known
// to listen is evidence for Deny, and everything else is Unknown.
package judge

import (
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// Goal is what a step has to reach.
type Goal struct {
	// Expected has one verdict per flow of the timeline. Undefined flows are
	// observed and not judged.
	Expected []flow.Verdict
	// Before has the verdicts expected before the step; nil means all allowed.
	Before []flow.Verdict
	// Since is when the API answered the step's last action; latencies count from it.
	Since time.Time
	// Within is how long after Since the table may take to be reached.
	Within time.Duration
	// Settle is how long after Since the implementation may be at work on the change. What
	// is right before that may be so by what was in force before, so that a wrong round
	// then is no flip; and a table in which the step turns nothing is looked at only
	// afterwards.
	Settle time.Duration
	// Rounds in a row have to show the expected table before it counts as settled,
	// spread over Hold: the first of them says that the table is reached, and a wrong
	// one after that is a flip.
	Rounds int
	// Hold is how long the table must stay, counted from the first of these rounds.
	Hold time.Duration
	// Every is the most that may lie between the begins of two rounds while the table is
	// held, where rounds are over sooner; 0: what Rounds and Hold come to.
	Every time.Duration
}

// fewest is how many whole rounds there have to be before time may be up: on a
// machine where they take long, the deadline waits for them, up to twice its time.
const fewest = 6

// state is what one round shows.
type state uint8

const (
	unclear state = iota // no wrong flow, but some could not be told
	right
	wrong
)

// state of a round that left flows out is never right.
func (g Goal) state(r flow.Round) state {
	s := right
	if r.Only != nil {
		s = unclear
	}
	for i, sample := range r.All() {
		if g.Expected[i] == flow.Undefined {
			continue
		}
		switch sample.Verdict() {
		case g.Expected[i]:
		case flow.Unknown:
			s = unclear
		case flow.Allow, flow.Deny, flow.OneWay, flow.Undefined:
			return wrong
		}
	}
	return s
}

// progress is how far a timeline has come.
type progress struct {
	reached int // the first right round; -1: none yet
	flipped int // the first wrong round after that; -1: none
	right   int // rounds since then that showed the table
	held    bool
}

// progress walks the timeline. An unclear round neither continues nor breaks
// anything.
func (g Goal) progress(line *flow.Timeline) progress {
	p := progress{reached: -1, flipped: -1}
	for i, r := range line.Rounds {
		switch g.state(r) {
		case unclear:
		case wrong:
			switch {
			case p.reached < 0:
			case g.settling(r):
				p = progress{reached: -1, flipped: -1}
			default:
				p.flipped = i
				return p
			}
		case right:
			if g.settling(r) && g.still() {
				continue
			}
			if p.reached < 0 {
				p.reached = i
			}
			p.right++
			p.held = p.right >= g.Rounds && r.End.Sub(line.Rounds[p.reached].Begin) >= g.Hold
		}
	}
	return p
}

// settling reports whether the round began while the change may not have been made yet.
func (g Goal) settling(r flow.Round) bool { return r.Begin.Before(g.Since.Add(g.Settle)) }

// still reports whether the step turns no verdict, so that its table shows nothing of
// whether the change was made. What was undefined before may have been either.
func (g Goal) still() bool {
	for i, v := range g.Expected {
		if g.turned(i, v) && v != flow.Undefined {
			return false
		}
	}
	return true
}

// Next tells an observer how to go on: until the table has held, a reached table
// flipped, or time is up. It reads nothing but the timeline.
func (g Goal) Next(line *flow.Timeline) flow.Look {
	p := g.progress(line)
	switch {
	case p.held || p.flipped >= 0:
		return flow.Look{}
	case p.reached >= 0:
		return flow.Look{Again: g.mayHold(p, line), Pause: g.rest(line.Last()), Steady: g.Hold > 0}
	case g.spent(line) < g.Within:
		return g.scout(line)
	}
	return g.final(line)
}

// mayHold reports whether there is still time to see a reached table held. Where rounds
// take long there are some of them all the same.
func (g Goal) mayHold(p progress, line *flow.Timeline) bool {
	return g.spent(line) < 2*g.Within+2*g.Hold || len(line.Rounds)-p.reached < fewest
}

// final is for when time is up: what counts then is a whole patient round that began after
// the deadline, and one that can be told, as long as it does not take as long again. Where
// rounds take long there are some hasty ones before it.
func (g Goal) final(line *flow.Timeline) flow.Look {
	late, last := g.spent(line) >= 2*g.Within, line.Last()
	if whole(last) && last.Patient && !last.Begin.Before(g.deadline()) {
		return flow.Look{Again: !late && (g.state(*last) == unclear || wholeRounds(line) < fewest), Patient: true}
	}
	return flow.Look{Again: true, Patient: late || wholeRounds(line) >= fewest-1}
}

// rest is what is left of the time from the begin of one round to that of the next
// while a table is held.
func (g Goal) rest(last *flow.Round) time.Duration {
	every := g.Hold / time.Duration(max(1, g.Rounds-1))
	if g.Every > 0 {
		every = min(every, g.Every)
	}
	return max(0, every-last.End.Sub(last.Begin))
}

// deadline is when the table has to be reached.
func (g Goal) deadline() time.Time { return g.Since.Add(g.Within) }

// spent is how long ago the step's action was answered when the last round ended.
func (g Goal) spent(line *flow.Timeline) time.Duration {
	if last := line.Last(); last != nil {
		return last.End.Sub(g.Since)
	}
	return 0
}
