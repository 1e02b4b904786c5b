package runner

import (
	"fmt"

	"github.com/cniproof/cniproof/internal/scenario"
)

// unfit says why the scenario cannot run on this cluster, or "".
func (r *run) unfit(s *scenario.Scenario) string {
	c := r.cfg.Cluster
	if have, want := len(c.Nodes()), s.Topology.NodeCount(); want > have {
		return fmt.Sprintf("needs %d nodes, the cluster has %d", want, have)
	}
	if have, want := len(c.External()), s.Topology.External.Hosts; want > have {
		return fmt.Sprintf("needs %d hosts outside the cluster, there are %d", want, have)
	}
	d := c.Description()
	for _, need := range append(scenario.Needs(s), s.Features...) {
		if reason, lacks := d.Lacks[need]; lacks {
			return fmt.Sprintf("needs %s: %s", need, reason)
		}
		if need == "cluster-owned" && !d.Ephemeral {
			return "labels kube-system, which cniproof does only on clusters that it made"
		}
	}
	if len(s.Flows(r.axes(s))) == 0 {
		return "none of its flows exists on this cluster, on the axes that were chosen"
	}
	if !r.choice(s).Default() && !s.Control && !s.Changes(r.axes(s)) {
		return "on the axes that were chosen no verdict changes, so that it would prove nothing"
	}
	return ""
}
