package report

import (
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
)

// distribution is a set of durations, described by nearest-rank percentiles: the
// p-th percentile is the smallest measured value that at least p % of all measured
// values do not exceed. So every number in a report was really measured, and the
// 99th percentile of fewer than 100 values is their maximum.
type distribution []time.Duration // sorted

// percentile is 0 for an empty distribution. p is from 1 to 100.
func (d distribution) percentile(p int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	rank := (p*len(d) + 99) / 100 // rounded up
	return d[max(rank, 1)-1]
}

// enforcement is when each step that denied flows had denied all of them.
func enforcement(r *judge.Run) distribution {
	return settled(r, func(s judge.Step) *judge.Latency { return s.Enforce })
}

// revocation is when each step that allowed flows had allowed all of them.
func revocation(r *judge.Run) distribution {
	return settled(r, func(s judge.Step) *judge.Latency { return s.Revoke })
}

// starting is when all that is allowed to new pods of a step had connected.
func starting(r *judge.Run) distribution {
	return settled(r, func(s judge.Step) *judge.Latency { return s.Start })
}

func settled(r *judge.Run, of func(judge.Step) *judge.Latency) distribution {
	var d distribution
	for _, s := range r.Scenarios {
		for _, step := range s.Steps {
			if l := of(step); l != nil && l.Flows > 0 {
				d = append(d, l.Settled)
			}
		}
	}
	slices.Sort(d)
	return d
}

// latencyRow is one kind of change, with its latencies.
type latencyRow struct {
	name string
	d    distribution
}

// latencyRows leaves out the kinds that were not measured.
func latencyRows(r *judge.Run) []latencyRow {
	return slices.DeleteFunc([]latencyRow{{"enforced", enforcement(r)}, {"revoked", revocation(r)}, {"new pods", starting(r)}}, func(l latencyRow) bool { return len(l.d) == 0 })
}

// percentiles are the median, the 90th, the 99th and the maximum, for a person.
func (l latencyRow) percentiles() []string {
	var words []string
	for _, p := range []int{50, 90, 99, 100} {
		words = append(words, short(l.d.percentile(p)))
	}
	return words
}
