package runner

import (
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// cover counts the flows of a scenario that is about to be judged.
func (r *run) cover(s *scenario.Scenario, flows []flow.Flow) {
	counts := map[[2]string]int{}
	for _, f := range flows {
		counts[[2]string{"via", f.Via.String()}]++
		counts[[2]string{"family", f.Family.String()}]++
		counts[[2]string{"protocol", strings.ToLower(f.Protocol.String())}]++
		if p := s.PlacementOf(f); p != "" {
			counts[[2]string{"placement", string(p)}]++
		}
	}
	direction := scenario.Written
	if s.Mirrored {
		direction = scenario.Mirrored
	}
	counts[[2]string{"direction", string(direction)}] += len(flows)
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, n := range counts {
		if r.covered[key] == nil {
			r.covered[key] = &judge.AxisCount{Axis: key[0], Value: key[1]}
		}
		r.covered[key].Scenarios++
		r.covered[key].Flows += n
	}
}

// coverage is what was counted, in the order in which --axes names the values.
func (r *run) coverage() []judge.AxisCount {
	var list []judge.AxisCount
	for _, known := range scenario.AxisValues() {
		axis, values, _ := strings.Cut(known, "=")
		for _, value := range slices.Collect(strings.SplitSeq(values, ",")) {
			if c := r.covered[[2]string{axis, value}]; c != nil {
				list = append(list, *c)
			}
		}
	}
	return list
}
