package vigil

import (
	"maps"
	"slices"
	"time"
)

// Gaps is how long it took from the begin of one sample of a flow to that of the next.
type Gaps struct {
	Typical time.Duration // the median
	Longest time.Duration
}

// gaps counts them by whole milliseconds, so that it stays small however long it grows.
type gaps map[time.Duration]int

func (g gaps) add(gap time.Duration) { g[gap.Round(time.Millisecond)]++ }

func (g gaps) sum() Gaps {
	all, before := 0, 0
	for _, n := range g {
		all += n
	}
	var s Gaps
	for _, gap := range slices.Sorted(maps.Keys(g)) {
		if before <= all/2 {
			s.Typical = gap
		}
		before += g[gap]
		s.Longest = gap
	}
	return s
}
