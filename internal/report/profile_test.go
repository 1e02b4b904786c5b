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

// TestSeenAsPairs names the pairs that are odd, as long as they are few.
func TestSeenAsPairs(t *testing.T) {
	ends := []flow.Endpoint{flow.Pod("x", "a"), flow.Pod("x", "b"), flow.Pod("y", "a"), flow.Pod("y", "b")}
	cells := func(denied func(from, to int, family flow.Family) bool) []judge.Cell {
		var list []judge.Cell
		for i, from := range ends {
			for k, to := range ends {
				for _, family := range []flow.Family{flow.IPv4, flow.IPv6} {
					f := flow.Flow{Source: from, Destination: to, Protocol: flow.TCP, Port: 80, Via: flow.PodIP, Family: family}
					c := judge.Cell{Flow: f, Expected: flow.Undefined, Observed: flow.Allow}
					if denied(i, k, family) {
						c.Observed = flow.Deny
					}
					list = append(list, c)
				}
			}
		}
		return list
	}
	for want, denied := range map[string]func(from, to int, family flow.Family) bool{
		"allow, but deny from x/a to y/b and from x/b to y/a": func(from, to int, _ flow.Family) bool { return from+to == 3 && from < 2 },
		"allow, but deny from x/a to y/b over ipv6":           func(from, to int, family flow.Family) bool { return from == 0 && to == 3 && family == flow.IPv6 },
		"allow 16, deny 16 of 32 flows":                       func(from, to int, _ flow.Family) bool { return (from+to)%2 == 1 },
	} {
		if got := seenAs(cells(denied)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
