package deploy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

func topology(change func(*scenario.Topology)) scenario.Topology {
	t := scenario.Topology{
		Namespaces: []scenario.Namespace{{Name: "x", Labels: map[string]string{"a": "1"}}},
		Pods: []scenario.Pod{{
			Namespace: "x", Name: "p", Node: 1, Labels: map[string]string{"a": "1"},
			Ports: []flow.Port{{Number: 80, Protocol: flow.TCP}},
		}},
	}
	change(&t)
	return t
}

func TestOneStageServesTopologiesThatDifferInLabelsOnly(t *testing.T) {
	base := Shape(topology(func(*scenario.Topology) {}))
	for name, c := range map[string]struct {
		change func(*scenario.Topology)
		same   bool
	}{
		"a namespace's label": {func(t *scenario.Topology) { t.Namespaces[0].Labels = nil }, true},
		"a pod's label":       {func(t *scenario.Topology) { t.Pods[0].Labels["a"] = "2" }, true},
		"outside hosts":       {func(t *scenario.Topology) { t.External.Hosts = 2 }, true},
		"a namespace's name":  {func(t *scenario.Topology) { t.Namespaces[0].Name = "y" }, false},
		"a pod's node":        {func(t *scenario.Topology) { t.Pods[0].Node = 2 }, false},
		"a port's name":       {func(t *scenario.Topology) { t.Pods[0].Ports[0].Name = "web" }, false},
		"having no Services":  {func(t *scenario.Topology) { t.Direct = true }, false},
		"readiness probes":    {func(t *scenario.Topology) { t.Readiness = true }, false},
		"the host's network":  {func(t *scenario.Topology) { t.Pods[0].HostNetwork = true }, false},
		"a pod that lingers":  {func(t *scenario.Topology) { t.Terminating = []flow.Endpoint{flow.Pod("x", "p")} }, false},
		"a pod with a gate":   {func(t *scenario.Topology) { t.Gated = []flow.Endpoint{flow.Pod("x", "p")} }, false},
		"ports on the nodes":  {func(t *scenario.Topology) { t.NodePort = true }, false},
		"large datagrams":     {func(t *scenario.Topology) { t.Datagram = 9000 }, true},
		"long streams":        {func(t *scenario.Topology) { t.Stream = 9000 }, true},
		"a port's protocol":   {func(t *scenario.Topology) { t.Pods[0].Ports[0].Protocol = flow.UDP }, false},
	} {
		if got := Shape(topology(c.change)) == base; got != c.same {
			t.Errorf("%s: same shape %v, want %v", name, got, c.same)
		}
	}
}

func TestDifferenceTurnsOneSetOfLabelsIntoTheOther(t *testing.T) {
	from := map[string]string{"keep": "1", "change": "1", "drop": "1"}
	to := map[string]string{"keep": "1", "change": "2", "add": ""}
	change := difference(from, to)
	if diff := cmp.Diff(to, changed(from, change)); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if len(change) != 3 {
		t.Errorf("%d keys change, want 3", len(change))
	}
	if len(difference(to, to)) != 0 {
		t.Error("equal labels differ")
	}
}

func TestServicesNeverShareThePortOfTheirPod(t *testing.T) {
	pod := scenario.Pod{Name: "p", Ports: []flow.Port{{Number: 80, Protocol: flow.TCP}, {Number: 81, Protocol: flow.UDP, Name: "dns"}}}
	for i, p := range (&Stage{}).service(pod).Spec.Ports {
		if p.Port != int32(ServicePort(pod.Ports[i].Number)) {
			t.Errorf("port %d of the Service stands for %d", p.Port, pod.Ports[i].Number)
		}
	}
	seen := map[uint16]uint16{}
	for port := uint16(1); port > 0; port++ {
		of := ServicePort(port)
		if other, taken := seen[of]; taken || of == port || of == 0 {
			t.Fatalf("port %d and port %d of a pod both have %d on its Service", port, other, of)
		}
		seen[of] = port
	}
	for port, want := range map[uint16]uint16{80: 20080, 45535: 65535, 45536: 1, 50051: 4516} {
		if got := ServicePort(port); got != want {
			t.Errorf("port %d is %d on its Service, want %d", port, got, want)
		}
	}
	if target := (&Stage{}).service(pod).Spec.Ports[1].TargetPort.StrVal; target != "dns" {
		t.Errorf("a named port is targeted by %q", target)
	}
}
