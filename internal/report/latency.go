package report

import (
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
)

// enforcement is when each step that denied flows had denied all of them.
func enforcement(r *judge.Run) judge.Distribution {
	return settled(r, func(s judge.Step) *judge.Latency { return s.Enforce })
}

// revocation is when each step that allowed flows had allowed all of them.
func revocation(r *judge.Run) judge.Distribution {
	return settled(r, func(s judge.Step) *judge.Latency { return s.Revoke })
}

// starting is when all that is allowed to new pods of a step had connected.
func starting(r *judge.Run) judge.Distribution {
	return settled(r, func(s judge.Step) *judge.Latency { return s.Start })
}

func settled(r *judge.Run, of func(judge.Step) *judge.Latency) judge.Distribution {
	var d []time.Duration
	for _, s := range r.Scenarios {
		for _, step := range s.Steps {
			if l := of(step); l != nil && l.Flows > 0 {
				d = append(d, l.Settled)
			}
		}
	}
	return judge.NewDistribution(d)
}

// latencyRow is one kind of change, with its latencies.
type latencyRow struct {
	name string
	d    judge.Distribution
}

// latencyRows leaves out the kinds that were not measured.
func latencyRows(r *judge.Run) []latencyRow {
	return slices.DeleteFunc([]latencyRow{{"enforced", enforcement(r)}, {"revoked", revocation(r)}, {"new pods", starting(r)}}, func(l latencyRow) bool { return len(l.d) == 0 })
}

// percentiles are the median, the 90th, the 99th and the maximum, for a person.
func (l latencyRow) percentiles() []string {
	var words []string
	for _, p := range []int{50, 90, 99, 100} {
		words = append(words, short(l.d.Percentile(p)))
	}
	return words
}
