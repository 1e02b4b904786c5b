package judge

import (
	"slices"
	"time"
)

// Distribution is a set of durations, described by nearest-rank percentiles: the
// p-th percentile is the smallest measured value that at least p % of all measured
// values do not exceed. So every number in a report was really measured, and the
// 99th percentile of fewer than 100 values is their maximum.
type Distribution []time.Duration // sorted

// NewDistribution sorts the values.
func NewDistribution(values []time.Duration) Distribution {
	d := slices.Clone(values)
	slices.Sort(d)
	return d
}

// Percentile is 0 for an empty distribution. p is from 1 to 100.
func (d Distribution) Percentile(p int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	rank := (p*len(d) + 99) / 100 // rounded up
	return d[max(rank, 1)-1]
}
