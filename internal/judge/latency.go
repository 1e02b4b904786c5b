package judge

import (
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// Latencies measures the flows that the step closed, and those that it opened; nil
// where there are none, or where one of them never showed it.
func (g Goal) Latencies(line *flow.Timeline) (enforce, revoke *Latency) {
	changes := g.changes(line)
	return g.latency(changes, flow.Deny), g.latency(changes, flow.Allow)
}

// latency measures the flows that the step turned to the verdict; nil if there
// are none, or if one of them never showed it.
func (g Goal) latency(changes []change, to flow.Verdict) *Latency {
	var l Latency
	for i, c := range changes {
		if !g.turned(i, to) {
			continue
		}
		if !c.shown {
			return nil
		}
		if l.Flows == 0 || c.first < l.FirstCorrect {
			l.FirstCorrect = c.first
		}
		l.Flows++
		l.Settled = max(l.Settled, c.first)
		l.LastWrong = max(l.LastWrong, c.last)
	}
	if l.Flows == 0 {
		return nil
	}
	return &l
}

func (g Goal) turned(i int, to flow.Verdict) bool {
	was := g.before(i)
	return g.Expected[i] == to && was != to && was != flow.Undefined
}

// change is when a flow first showed its expected verdict, and when it was last
// seen with the opposite one; both count from the step's begin.
type change struct {
	first, last time.Duration
	shown       bool
}

func (g Goal) changes(line *flow.Timeline) []change {
	list := make([]change, len(line.Flows))
	for _, r := range line.Rounds {
		for i, s := range r.All() {
			c, at := &list[i], max(0, s.Begin.Sub(g.Since))
			switch s.Verdict() {
			case g.Expected[i]:
				if !c.shown {
					c.first, c.shown = at, true
				}
			case flow.Allow, flow.Deny, flow.OneWay:
				c.last = at
			case flow.Unknown, flow.Undefined:
			}
		}
	}
	return list
}
