package judge

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// Judge reads a whole timeline.
func Judge(g Goal, line *flow.Timeline) Step {
	step := Step{Begin: g.Since, Rounds: wholeRounds(line), Probes: tried(line)}
	step.Allowed, step.Denied, step.Undefined = count(g.Expected)
	if last := line.Last(); last != nil {
		step.Took = last.End.Sub(g.Since)
	}
	step.Enforce, step.Revoke = g.Latencies(line)
	p := g.progress(line)
	step.Expected = g.Expected
	cells := g.cells(p, line)
	step.Flaps = g.flaps(p, line)
	step.Spent = g.spending(p, line)
	step.Result, step.Reason = g.result(p, cells, line)
	step.Cells = keep(cells, step.Result)
	return step
}

func tried(line *flow.Timeline) int {
	n := 0
	for _, r := range line.Rounds {
		n += len(r.Samples)
	}
	return n
}

func count(verdicts []flow.Verdict) (allowed, denied, undefined int) {
	for _, v := range verdicts {
		switch v {
		case flow.Allow:
			allowed++
		case flow.Deny:
			denied++
		case flow.Undefined, flow.Unknown, flow.OneWay:
			undefined++
		}
	}
	return allowed, denied, undefined
}

// result follows the rule that evidence against the implementation outranks
// doubt, and doubt outranks a pass.
func (g Goal) result(p progress, cells []Cell, line *flow.Timeline) (Result, string) {
	nWrong, nUnclear := 0, 0
	for _, c := range cells {
		if c.Wrong() {
			nWrong++
		}
		if c.Unclear() {
			nUnclear++
		}
	}
	judged := len(cells) - countUndefined(g.Expected)
	switch {
	case len(line.Rounds) == 0:
		return Inconclusive, "nothing was observed"
	case p.flipped >= 0:
		return Fail, g.unstable(p, line)
	case p.held:
		return Pass, ""
	case nWrong > 0:
		return Fail, fmt.Sprintf("%d of %d flows wrong after %s", nWrong, judged, round(line.Last().End.Sub(g.Since)))
	case nUnclear > 0:
		return Inconclusive, fmt.Sprintf("%d of %d flows could not be told", nUnclear, judged)
	default:
		return Inconclusive, fmt.Sprintf("time was up after %s, before the table had been held", g.Within)
	}
}

// unstable says when the table was right, and when it was not any more.
func (g Goal) unstable(p progress, line *flow.Timeline) string {
	flaps := g.flaps(p, line)
	flows := "1 flow was"
	if len(flaps) > 1 {
		flows = fmt.Sprintf("%d flows were", len(flaps))
	}
	first := slices.MinFunc(flaps, func(a, b Flap) int { return cmp.Compare(a.After, b.After) }).After
	return fmt.Sprintf("unstable: the table was right %s after the change, and %s wrong %s after it; it has to stay for %s",
		round(line.Rounds[p.reached].End.Sub(g.Since)), flows, round(first), g.Hold)
}

func countUndefined(verdicts []flow.Verdict) int {
	_, _, n := count(verdicts)
	return n
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

// cells is the table at the end of the timeline.
func (g Goal) cells(p progress, line *flow.Timeline) []Cell {
	cells := make([]Cell, len(line.Flows))
	for i, f := range line.Flows {
		cells[i] = Cell{Flow: f, Expected: g.Expected[i], Outcomes: map[flow.Outcome]int{}}
	}
	for n, r := range line.Rounds {
		for i, s := range r.All() {
			if s.Outcome == flow.OutcomeUnknown {
				continue // it was not tried
			}
			c := &cells[i]
			c.Outcomes[s.Outcome]++
			c.Outcome, c.Detail = s.Outcome, s.Detail
			if v := s.Verdict(); v != flow.Unknown && g.counts(p, n, r) {
				c.Observed = v
			}
		}
	}
	return cells
}

// counts reports whether round n is evidence: once the table was reached every
// round since then, and else the patient ones that began when its time was up. What was
// wrong before that may have been right a moment later, or only slow.
func (g Goal) counts(p progress, n int, r flow.Round) bool {
	if p.reached >= 0 {
		return n >= p.reached
	}
	return r.Patient && !r.Begin.Before(g.deadline())
}

// keep drops the cells that nobody will ask for: of a step that passed all but
// those which no specification settles.
func keep(cells []Cell, result Result) []Cell {
	if result != Pass {
		return cells
	}
	var kept []Cell
	for _, c := range cells {
		if c.Expected == flow.Undefined && len(c.Outcomes) > 0 {
			kept = append(kept, c)
		}
	}
	return kept
}

func (g Goal) flaps(p progress, line *flow.Timeline) []Flap {
	if p.flipped < 0 {
		return nil
	}
	var flaps []Flap
	for i, s := range line.Rounds[p.flipped].All() {
		v := s.Verdict()
		if g.Expected[i] == flow.Undefined || v == flow.Unknown || v == g.Expected[i] {
			continue
		}
		flaps = append(flaps, Flap{Flow: line.Flows[i], Expected: g.Expected[i], Outcome: s.Outcome, After: s.Begin.Sub(g.Since)})
	}
	return flaps
}
