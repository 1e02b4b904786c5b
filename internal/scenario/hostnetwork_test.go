package scenario

import (
	"slices"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
)

// onHost is a sound scenario with a pod on its node's network.
func onHost() string {
	return strings.NewReplacer(
		"x/job:  {node: 1, ports: [80/TCP]}", "x/job:  {node: 1, hostNetwork: true, ports: [8080/TCP, 8081/UDP]}",
		"complete: [x/job]", "label: {x/job: {a: b}}",
		"reuse: {y/heir: x/job}", "recreate: [y/heir]",
		"delete: [pod/x/job]", "delete: [networkpolicy/x/far]",
	).Replace(lives)
}

func TestHostNetwork(t *testing.T) {
	s, problems := loadText(t, strings.Replace(onHost(), "networkpolicy/x/far]\n    expect: *expect", "networkpolicy/x/far]\n    expect: {default: allow}", 1))
	if problems != nil {
		t.Fatal(problems)
	}
	if !slices.Contains(Needs(s), "node-traffic") {
		t.Errorf("it needs %v: a cluster that refuses pods on the nodes' network cannot run it", Needs(s))
	}
	if _, why := s.Mirror(); why == "" {
		t.Error("it has a mirror")
	}
	f := flow.Flow{Source: flow.Pod("y", "heir"), Destination: flow.Pod("x", "job"), Protocol: flow.TCP, Port: 8080, Via: flow.PodIP, Family: flow.IPv4}
	back := f
	back.Source, back.Destination, back.Port = f.Destination, f.Source, 80
	other := back
	other.Source, other.Destination = f.Source, flow.Pod("x", "far")
	for f, want := range map[flow.Flow]flow.Verdict{f: flow.Undefined, back: flow.Undefined, other: flow.Deny} {
		if got := s.Steps[0].Expect.Verdict(f); got != want {
			t.Errorf("%s is expected to be %s, want %s", f, got, want)
		}
		if got := s.Topology.OnHost(f); got != (want == flow.Undefined) {
			t.Errorf("%s is on a host: %v", f, got)
		}
	}
}

func TestEveryRuleOfHostNetworkFires(t *testing.T) {
	const pod, port = "spec.topology.pods[x/job].ports", "8080/TCP"
	for _, test := range []struct{ name, old, replacement, field, message string }{
		{"a low port", port, "80/TCP", pod, "port 80/TCP is the host's own"},
		{"a port of Services", port, "30080/TCP", pod, "port 30080/TCP is the host's own"},
		{"SCTP", port, "8080/SCTP", pod, "choose TCP or UDP"},
		{"a name", port, "http=8080/TCP", pod, "has a name"},
		{"two on one port", "y/heir: {node: 1, ports: [80/TCP]}", "y/heir: {node: 1, hostNetwork: true, ports: [8080/TCP]}", "spec.topology.pods", "x/job and y/heir both serve 8080/TCP on the network of node 1"},
		{"a second init container", "hostNetwork: true, ports", "hostNetwork: true, initSidecar: [8082/TCP], ports", "spec.topology.pods[x/job].initSidecar", "no second container"},
		{"a second container", "hostNetwork: true, ports", "hostNetwork: true, sidecar: [8082/TCP], ports", "spec.topology.pods[x/job].sidecar", "no second container"},
		{"completing", "label: {x/job: {a: b}}", "complete: [x/job]", "spec.steps[1].complete[0]", "on its node's network"},
		{"recreating", "label: {x/job: {a: b}}", "recreate: [x/job]", "spec.steps[1].recreate[0]", "on its node's network"},
		{"dialling", "label: {x/job: {a: b}}", "eager: {x/job: init}", "spec.steps[1].eager[x/job]", "on its node's network"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(onHost(), test.old) {
				t.Fatalf("the sound scenario does not contain %q", test.old)
			}
			_, problems := loadText(t, strings.Replace(onHost(), test.old, test.replacement, 1))
			i := slices.IndexFunc(problems, func(p Problem) bool {
				return p.Field == test.field && strings.Contains(p.Message, test.message)
			})
			if i < 0 {
				t.Errorf("want %s: %s; got\n%v", test.field, test.message, problems)
			}
		})
	}
}
