package judge

import (
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// latency measures the flows that the step turned to the verdict; nil if there
// are none, or if one of them never showed it.
func (g Goal) latency(before []flow.Verdict, line *flow.Timeline, to flow.Verdict) *Latency {
	var l Latency
	for i := range line.Flows {
		if !g.turned(before, i, to) {
			continue
		}
		first, last, ok := g.change(line, i)
		if !ok {
			return nil
		}
		if l.Flows == 0 || first < l.FirstCorrect {
			l.FirstCorrect = first
		}
		l.Flows++
		l.Settled = max(l.Settled, first)
		l.LastWrong = max(l.LastWrong, last)
	}
	if l.Flows == 0 {
		return nil
	}
	return &l
}

func (g Goal) turned(before []flow.Verdict, i int, to flow.Verdict) bool {
	was := flow.Allow
	if before != nil {
		was = before[i]
	}
	return g.Expected[i] == to && was != to && was != flow.Undefined
}

// change is when a flow first showed its expected verdict, and when it was last
// seen with the opposite one; both count from the step's begin.
func (g Goal) change(line *flow.Timeline, i int) (first, last time.Duration, ok bool) {
	for _, r := range line.Rounds {
		s := r.Samples[i]
		at := max(0, s.Begin.Sub(g.Since))
		switch s.Verdict() {
		case g.Expected[i]:
			if !ok {
				first, ok = at, true
			}
		case flow.Allow, flow.Deny:
			last = at
		case flow.Unknown, flow.Undefined:
		}
	}
	return first, last, ok
}
