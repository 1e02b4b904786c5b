package runner

import (
	"bytes"
	_ "embed" // for the scenario
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/latency"
	"github.com/cniproof/cniproof/internal/scenario"
)

//go:embed latency.yaml.tmpl
var latencyTemplate string

// LatencyLoad is what is in the cluster beside what is measured.
type LatencyLoad struct {
	Policies int // other policies, that select other pods
	// Peers are the pods that the measured policies select as peers, those that dial
	// among them; 0 stands for those alone.
	Peers int
}

// PolicyNumbers count the policies.
func (l LatencyLoad) PolicyNumbers() []int {
	list := make([]int, l.Policies)
	for i := range list {
		list[i] = i + 1
	}
	return list
}

// latencyScenario has one step for every change, after one that makes the load. A
// step's name is its change.
func latencyScenario(l LatencyLoad) (*scenario.Scenario, error) {
	t, err := template.New("latency.yaml").Funcs(template.FuncMap{
		"portOf": func(n int) int { return 1000 + n },
	}).Parse(latencyTemplate)
	if err != nil {
		return nil, fmt.Errorf("reading the scenario of latencies: %w", err)
	}
	var text bytes.Buffer
	if err := t.Execute(&text, l); err != nil {
		return nil, fmt.Errorf("writing the scenario of latencies: %w", err)
	}
	s, err := scenario.Parse("latency.yaml", text.Bytes())
	if err != nil {
		return nil, err
	}
	s.Topology.Pods = append(s.Topology.Pods, morePeers(s.Topology.Pods, l.Peers-len(latencyGuests()))...)
	return s, nil
}

// morePeers are those beside the one that the scenario has, on both nodes by turns: a
// file may not hold as many pods.
func morePeers(pods []scenario.Pod, count int) []scenario.Pod {
	var list []scenario.Pod
	for n := 2; n <= count; n++ {
		i := slices.IndexFunc(pods, func(p scenario.Pod) bool { return p.Name == "peer-1" })
		p := pods[i]
		p.Name, p.Node = fmt.Sprintf("peer-%d", n), 1+(n-1)%2
		list = append(list, p)
	}
	return list
}

// changeOf is the change that a step's name says.
func changeOf(s scenario.Step) latency.Change {
	kind, way, _ := strings.Cut(s.Name, ", ")
	return latency.Change{Kind: latency.Kind(kind), Way: latency.Way(way)}
}

// The server that no policy selects, and the guests whose flows are measured.
func latencyControl() flow.Endpoint { return flow.Pod("servers", "free") }

func latencyGuests() []flow.Endpoint {
	return []flow.Endpoint{flow.Pod("guests", "first"), flow.Pod("guests", "second")}
}

// latencyFlows are those that are tried every few milliseconds: from the guests to the
// servers, over one path and one family, by TCP. TCP shows what became of one packet,
// the first; a UDP probe sends several, and shows what became of any.
func latencyFlows(s *scenario.Scenario, families []flow.Family) []flow.Flow {
	all := s.Flows(scenario.Axes{Families: families[:min(1, len(families))], Vias: []flow.Via{flow.PodIP}, Protocols: []flow.Protocol{flow.TCP}})
	return slices.DeleteFunc(all, func(f flow.Flow) bool { return !slices.Contains(latencyGuests(), f.Source) })
}
