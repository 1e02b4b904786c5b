package runner

import (
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/promise"
	"github.com/cniproof/cniproof/internal/scenario"
)

// cover counts the flows of a scenario that is about to be judged.
func (r *run) cover(s *scenario.Scenario, flows []flow.Flow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for v, n := range along(s, flows) {
		if r.covered[v] == nil {
			r.covered[v] = &judge.AxisCount{Axis: v.Axis, Value: v.Value}
		}
		r.covered[v].Scenarios++
		r.covered[v].Flows += n
	}
}

// along counts flows of a scenario by axis.
func along(s *scenario.Scenario, flows []flow.Flow) map[promise.Value]int {
	counts := map[promise.Value]int{}
	if len(flows) == 0 {
		return counts
	}
	for _, f := range flows {
		counts[promise.Value{Axis: "via", Value: f.Via.String()}]++
		counts[promise.Value{Axis: "family", Value: f.Family.String()}]++
		counts[promise.Value{Axis: "protocol", Value: strings.ToLower(f.Protocol.String())}]++
		if p := s.PlacementOf(f); p != "" {
			counts[promise.Value{Axis: "placement", Value: string(p)}]++
		}
	}
	direction := scenario.Written
	if s.Mirrored {
		direction = scenario.Mirrored
	}
	counts[promise.Value{Axis: "direction", Value: string(direction)}] = len(flows)
	return counts
}

// coverage is what was counted, in the order in which --axes names the values.
func (r *run) coverage() []judge.AxisCount {
	var list []judge.AxisCount
	for _, v := range promise.Values() {
		if c := r.covered[v]; c != nil {
			list = append(list, *c)
		}
	}
	return list
}

// denied counts the flows that some step of a scenario that was judged expected to be
// denied: along the axes of the others it tried nothing that could have failed.
func denied(s *scenario.Scenario, result judge.Scenario) []judge.AxisCount {
	if result.Result != judge.Pass && result.Result != judge.Fail {
		return nil
	}
	var flows []flow.Flow
	for i, f := range result.Flows {
		if slices.ContainsFunc(result.Steps, func(step judge.Step) bool { return i < len(step.Expected) && step.Expected[i] == flow.Deny }) {
			flows = append(flows, f)
		}
	}
	counts := along(s, flows)
	var list []judge.AxisCount
	for _, v := range promise.Values() {
		if n := counts[v]; n > 0 {
			list = append(list, judge.AxisCount{Axis: v.Axis, Value: v.Value, Scenarios: 1, Flows: n})
		}
	}
	return list
}

// values are those of all axes that the cluster has.
func (r *run) values() []promise.Value {
	d := r.cfg.Cluster.Description()
	lacks := map[promise.Value]bool{
		{Axis: "via", Value: flow.ByName.String()}:                     d.Lacks["dns"] != "",
		{Axis: "placement", Value: string(scenario.CrossNode)}:         len(r.cfg.Cluster.Nodes()) < 2,
		{Axis: "family", Value: flow.IPv4.String()}:                    !slices.Contains(d.Families, flow.IPv4),
		{Axis: "family", Value: flow.IPv6.String()}:                    !slices.Contains(d.Families, flow.IPv6),
		{Axis: "protocol", Value: strings.ToLower(flow.TCP.String())}:  !slices.Contains(d.Protocols, flow.TCP),
		{Axis: "protocol", Value: strings.ToLower(flow.UDP.String())}:  !slices.Contains(d.Protocols, flow.UDP),
		{Axis: "protocol", Value: strings.ToLower(flow.SCTP.String())}: !slices.Contains(d.Protocols, flow.SCTP),
	}
	return slices.DeleteFunc(promise.Values(), func(v promise.Value) bool { return lacks[v] })
}
