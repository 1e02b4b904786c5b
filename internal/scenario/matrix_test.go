package scenario

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/flow"
)

// small has one of everything that a matrix can join.
func small() *Scenario {
	http := []flow.Port{{Number: 80, Protocol: flow.TCP, Name: "http"}}
	return &Scenario{Topology: Topology{
		Namespaces: []Namespace{{Name: "x"}},
		Pods: []Pod{
			{Namespace: "x", Name: "a", Node: 1, Ports: []flow.Port{{Number: 80, Protocol: flow.TCP}, {Number: 53, Protocol: flow.UDP}}},
			{Namespace: "x", Name: "b", Node: 2},
		},
		External: External{Hosts: 2, Ports: http},
		Nodes:    Nodes{Probed: true, Ports: []flow.Port{{Number: 9100, Protocol: flow.TCP}}},
		DNS:      true,
	}}
}

func TestFlows(t *testing.T) {
	axes := Axes{Families: []flow.Family{flow.IPv4}, Vias: []flow.Via{flow.PodIP, flow.ClusterIP}, Protocols: []flow.Protocol{flow.TCP, flow.UDP}}
	var got []string
	for _, f := range small().Flows(axes) {
		got = append(got, fmt.Sprintf("%s via %s", f.Line(), f.Via))
	}
	want := []string{
		"x/a -> external:80/TCP via podIP",
		"x/a -> external/2:80/TCP via podIP",
		"x/a -> node/1:9100/TCP via podIP",
		"x/a -> node/2:9100/TCP via podIP",
		"x/a -> dns:53/TCP via clusterIP",
		"x/a -> dns:53/UDP via clusterIP",
		"x/b -> x/a:53/UDP via podIP",
		"x/b -> x/a:53/UDP via clusterIP",
		"x/b -> x/a:80/TCP via podIP",
		"x/b -> x/a:80/TCP via clusterIP",
		"x/b -> external:80/TCP via podIP",
		"x/b -> external/2:80/TCP via podIP",
		"x/b -> node/1:9100/TCP via podIP",
		"x/b -> node/2:9100/TCP via podIP",
		"x/b -> dns:53/TCP via clusterIP",
		"x/b -> dns:53/UDP via clusterIP",
		"external -> x/a:53/UDP via podIP",
		"external -> x/a:80/TCP via podIP",
		"external/2 -> x/a:53/UDP via podIP",
		"external/2 -> x/a:80/TCP via podIP",
		"node/1 -> x/a:53/UDP via podIP",
		"node/1 -> x/a:80/TCP via podIP",
		"node/2 -> x/a:53/UDP via podIP",
		"node/2 -> x/a:80/TCP via podIP",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestFlowsFollowTheAxes shows that each axis narrows the matrix to its own values,
// and that no flow is listed twice.
func TestFlowsFollowTheAxes(t *testing.T) {
	all := small().Flows(AllAxes())
	if !slices.IsSortedFunc(all, flow.Compare) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Error("the matrix is not sorted, or has a flow twice")
	}
	narrow := map[string]struct {
		axes Axes
		keep func(flow.Flow) bool
	}{
		"ipv6":      {Axes{Families: []flow.Family{flow.IPv6}, Vias: AllAxes().Vias, Protocols: AllAxes().Protocols}, func(f flow.Flow) bool { return f.Family == flow.IPv6 }},
		"podIP":     {Axes{Families: AllAxes().Families, Vias: []flow.Via{flow.PodIP}, Protocols: AllAxes().Protocols}, func(f flow.Flow) bool { return f.Via == flow.PodIP }},
		"clusterIP": {Axes{Families: AllAxes().Families, Vias: []flow.Via{flow.ClusterIP}, Protocols: AllAxes().Protocols}, func(f flow.Flow) bool { return f.Via == flow.ClusterIP }},
		"UDP":       {Axes{Families: AllAxes().Families, Vias: AllAxes().Vias, Protocols: []flow.Protocol{flow.UDP}}, func(f flow.Flow) bool { return f.Protocol == flow.UDP }},
		"none":      {Axes{}, func(flow.Flow) bool { return false }},
	}
	for name, test := range narrow {
		want := slices.DeleteFunc(slices.Clone(all), func(f flow.Flow) bool { return !test.keep(f) })
		if got := small().Flows(test.axes); !slices.Equal(got, want) {
			t.Errorf("%s: %d flows, want %d", name, len(got), len(want))
		}
	}
}

// TestStandardTopology holds the shipped topology to the words of the format.
func TestStandardTopology(t *testing.T) {
	top, ok := newLoader(nothing{}).shared("none.yaml", "standard")
	if !ok || top.Name != "standard" || len(top.Namespaces) != 3 || len(top.Pods) != 9 {
		t.Fatalf("known %t, %+v", ok, top)
	}
	nodes := map[string]int{"a": 1, "b": 1, "c": 2}
	for _, p := range top.Pods {
		if p.Node != nodes[p.Name] || p.Labels["pod"] != p.Name || len(p.Ports) != 6 {
			t.Errorf("pod %+v", p)
		}
		for _, port := range p.Ports {
			if port.Name == "" {
				t.Errorf("port %s of %s/%s has no name", port, p.Namespace, p.Name)
			}
		}
	}
	for _, ns := range top.Namespaces {
		if ns.Labels["ns"] != ns.Name {
			t.Errorf("namespace %+v", ns)
		}
	}
	// 72 pairs, 6 ports, 2 paths, 2 families.
	if n := len((&Scenario{Topology: top}).Flows(AllAxes())); n != 72*6*2*2 {
		t.Errorf("%d flows", n)
	}
}

// TestNodePortFlows checks that every pod that serves is dialled over both kinds of node
// ports by all but itself, and that nothing is expected of that.
func TestNodePortFlows(t *testing.T) {
	s := small()
	s.Topology.NodePort = true
	axes := Axes{Families: []flow.Family{flow.IPv6}, Vias: []flow.Via{flow.PodIP}, Protocols: []flow.Protocol{flow.TCP}}
	flows := func() []string {
		var got []string
		for _, f := range s.Flows(axes) {
			if f.Via.Node() {
				got = append(got, fmt.Sprintf("%s via %s", f.Line(), f.Via))
			}
			if v := (Expectation{Default: flow.Deny}).Verdict(f); (v == flow.Undefined) != f.Via.Node() {
				t.Errorf("%s: expected %s", f, v)
			}
		}
		return got
	}
	want := []string{
		"x/b -> x/a:80/TCP via nodePort", "x/b -> x/a:80/TCP via farNodePort",
		"external -> x/a:80/TCP via nodePort", "external -> x/a:80/TCP via farNodePort",
		"external/2 -> x/a:80/TCP via nodePort", "external/2 -> x/a:80/TCP via farNodePort",
	}
	if diff := cmp.Diff(want, flows()); diff != "" {
		t.Error(diff)
	}
	axes.Vias = []flow.Via{flow.ClusterIP}
	if got := flows(); got != nil {
		t.Errorf("by the Services' addresses alone there are %q", got)
	}
}

// TestEstablishedFlows checks that there is one connection for each TCP flow between pods,
// and that nothing is expected of it.
func TestEstablishedFlows(t *testing.T) {
	s := small()
	s.Topology.Established = true
	axes := Axes{Families: []flow.Family{flow.IPv4, flow.IPv6}, Vias: []flow.Via{flow.PodIP, flow.ClusterIP}, Protocols: []flow.Protocol{flow.TCP, flow.UDP}}
	var got []string
	for _, f := range s.Flows(axes) {
		if f.Via != flow.Established {
			continue
		}
		got = append(got, f.String())
		if v := (Expectation{Default: flow.Deny}).Verdict(f); v != flow.Undefined {
			t.Errorf("%s: expected %s", f, v)
		}
	}
	want := []string{"x/b -> x/a:80/TCP via established over ipv4", "x/b -> x/a:80/TCP via established over ipv6"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
