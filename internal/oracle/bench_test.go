package oracle

import (
	"fmt"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// benchState is nine pods that serve 80 and 81 over three protocols, which makes
// more than 1700 flows, and five policies.
func benchState(b *testing.B) State {
	var s State
	s.Namespaces = map[string]map[string]string{}
	for i, ns := range []string{"x", "y", "z"} {
		s.Namespaces[ns] = map[string]string{"ns": ns}
		for _, pod := range []string{"a", "b", "c"} {
			p := scenario.Pod{Namespace: ns, Name: pod, Labels: map[string]string{"pod": pod}, Node: 1 + i%2}
			for _, protocol := range someProtocols {
				p.Ports = append(p.Ports, flow.Port{Number: 80, Protocol: protocol}, flow.Port{Number: 81, Protocol: protocol})
			}
			s.Pods = append(s.Pods, p)
		}
	}
	s.Binding = testBinding(s.Pods)
	for ns := range s.Namespaces {
		s.Binding.Namespaces[ns] = ns
	}
	const policy = `
metadata: {name: p%d, namespace: "%s"}
spec:
  podSelector: {matchExpressions: [{key: pod, operator: In, values: [a, b]}]}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}, podSelector: {matchLabels: {pod: b}}}, {ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 81}]}]
  egress: [{to: [{podSelector: {}}]}, {ports: [{protocol: UDP, port: 80, endPort: 81}]}]`
	for i, ns := range []string{"x", "y", "z", "x", "y"} {
		s = withPolicies(b, s, fmt.Sprintf(policy, i, ns))
	}
	return s
}

func benchFlows(s State) []flow.Flow {
	topology := scenario.Scenario{Topology: scenario.Topology{Pods: s.Pods}}
	return topology.Flows(scenario.AllAxes())
}

func BenchmarkNewWorld(b *testing.B) {
	s := benchState(b)
	for b.Loop() {
		mustWorld(b, s)
	}
}

func BenchmarkExpect(b *testing.B) {
	s := benchState(b)
	w, flows := mustWorld(b, s), benchFlows(s)
	for b.Loop() {
		for _, f := range flows {
			w.Expect(f)
		}
	}
	b.ReportMetric(float64(len(flows)), "flows")
}

func BenchmarkExplain(b *testing.B) {
	s := benchState(b)
	w, flows := mustWorld(b, s), benchFlows(s)
	for b.Loop() {
		for _, f := range flows {
			_ = w.Explain(f).Short()
		}
	}
	b.ReportMetric(float64(len(flows)), "flows")
}
