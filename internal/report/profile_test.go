package report

import (
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// TestSeenAs checks that what was seen is said by the split that tells it apart, and that
// of many parts only the odd ones are named.
func TestSeenAs(t *testing.T) {
	one, two, host := flow.Pod("y", "a"), flow.Pod("y", "b"), flow.External(1)
	cells := func(allowed func(flow.Flow) bool) []judge.Cell {
		var list []judge.Cell
		for _, from := range []flow.Endpoint{one, two, host} {
			for _, via := range []flow.Via{flow.NodePort, flow.FarNodePort} {
				for _, family := range []flow.Family{flow.IPv4, flow.IPv6} {
					f := flow.Flow{Source: from, Destination: flow.Pod("x", "a"), Protocol: flow.TCP, Port: 80, Via: via, Family: family}
					c := judge.Cell{Flow: f, Expected: flow.Undefined, Observed: flow.Deny}
					if allowed(f) {
						c.Observed = flow.Allow
					}
					list = append(list, c)
				}
			}
		}
		return list
	}
	tests := []struct {
		allowed func(flow.Flow) bool
		want    string
	}{
		{func(flow.Flow) bool { return true }, "allow"},
		{func(f flow.Flow) bool { return f.Via == flow.NodePort }, "farNodePort deny, nodePort allow"},
		{func(f flow.Flow) bool { return f.Source == host }, "from external allow, from y/a deny, from y/b deny"},
		{
			func(f flow.Flow) bool { return f.Source != host && f.Via == flow.NodePort },
			"deny, but allow nodePort from y/a and nodePort from y/b",
		},
		{
			func(f flow.Flow) bool { return f.Source != host || f.Via == flow.FarNodePort || f.Family == flow.IPv6 },
			"allow, but deny nodePort over ipv4 from external",
		},
	}
	for _, test := range tests {
		if got := seenAs(cells(test.allowed)); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
