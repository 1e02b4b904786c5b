package report

import (
	"fmt"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// matrix makes cells for every ordered pair of different pods.
type matrix struct {
	pods     map[string][]string // "prod/db": "3306/TCP", ...
	order    []string
	vias     []flow.Via
	families []flow.Family
	expect   func(flow.Flow) flow.Verdict
	// see is what happens; nil: what is expected.
	see func(flow.Flow) flow.Outcome
	why func(flow.Flow) string
}

func (m matrix) cells() []judge.Cell {
	var cells []judge.Cell
	for _, from := range m.order {
		for _, to := range m.order {
			if from == to {
				continue
			}
			for _, port := range m.pods[to] {
				for _, via := range m.vias {
					for _, family := range m.families {
						f := flow.Flow{Source: pod(from), Destination: pod(to), Via: via, Family: family}
						var proto string
						if _, err := fmt.Sscanf(port, "%d/%s", &f.Port, &proto); err != nil {
							panic(err)
						}
						if err := f.Protocol.UnmarshalText([]byte(proto)); err != nil {
							panic(err)
						}
						cells = append(cells, m.cell(f))
					}
				}
			}
		}
	}
	return cells
}

func pod(name string) flow.Endpoint {
	namespace, name, _ := strings.Cut(name, "/")
	return flow.Pod(namespace, name)
}

func (m matrix) cell(f flow.Flow) judge.Cell {
	c := judge.Cell{Flow: f, Expected: m.expect(f)}
	c.Outcome = flow.Connected
	if c.Expected == flow.Deny {
		c.Outcome = flow.TimedOut
	}
	if m.see != nil {
		if o := m.see(f); o != flow.OutcomeUnknown {
			c.Outcome = o
		}
	}
	c.Outcomes = map[flow.Outcome]int{c.Outcome: 4}
	c.Observed = flow.Sample{Outcome: c.Outcome}.Verdict()
	switch c.Observed {
	case flow.Deny:
		c.Detail = "no answer within 40ms"
	case flow.Unknown:
		c.Detail = "the agent's stream ended: exec: \x1b[31mbroken pipe\x1b[0m"
	}
	if c.Wrong() && m.why != nil {
		c.Explanation = m.why(f)
	}
	return c
}

var (
	bothFamilies = []flow.Family{flow.IPv4, flow.IPv6}
	bothVias     = []flow.Via{flow.PodIP, flow.ClusterIP}
)

// shop is the topology of and-in-one-peer.
func shop() matrix {
	return matrix{
		pods: map[string][]string{
			"prod/api":    {"80/TCP"},
			"prod/db":     {"3306/TCP", "53/UDP"},
			"staging/api": {"80/TCP"},
			"staging/web": {"80/TCP"},
		},
		order:    []string{"prod/api", "prod/db", "staging/api", "staging/web"},
		vias:     bothVias,
		families: bothFamilies,
	}
}

// standard is the topology "standard".
func standard() matrix {
	m := matrix{pods: map[string][]string{}, vias: bothVias, families: bothFamilies}
	for _, ns := range []string{"x", "y", "z"} {
		for _, p := range []string{"a", "b", "c"} {
			name := ns + "/" + p
			m.order = append(m.order, name)
			m.pods[name] = []string{"80/TCP", "80/UDP", "80/SCTP", "81/TCP", "81/UDP", "81/SCTP"}
		}
	}
	return m
}
