package adopt_test

import (
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/cniproof/cniproof/internal/adopt"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

// TestImportedObjectsMeanWhatTheyMeant writes the objects of every built-in scenario
// whose first step applies policies as manifests, imports them, and compares what
// becomes of every flow.
func TestImportedObjectsMeanWhatTheyMeant(t *testing.T) {
	list, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	scenariosSeen, flowsSeen := 0, map[flow.Verdict]int{}
	for _, s := range list {
		first := slices.IndexFunc(s.Steps, func(step scenario.Step) bool {
			return slices.ContainsFunc(step.Acts, func(a scenario.Act) bool { return len(a.Apply) > 0 })
		})
		if first < 0 || !s.Level.Scored() || len(s.Topology.Pods) > 30 {
			continue
		}
		earlier := slices.ContainsFunc(s.Steps[:first+1], func(step scenario.Step) bool {
			return slices.ContainsFunc(step.Acts, func(a scenario.Act) bool { return len(a.Label)+len(a.Recreate) > 0 })
		})
		if earlier {
			continue
		}
		scenariosSeen++
		t.Run(s.Name, func(t *testing.T) { roundTrip(t, s, first, flowsSeen) })
	}
	t.Logf("%d scenarios, flows by verdict: %v", scenariosSeen, flowsSeen)
	if scenariosSeen < 60 || flowsSeen[flow.Deny] < 5000 || flowsSeen[flow.Allow] < 5000 {
		t.Errorf("only %d scenarios were compared, flows %v", scenariosSeen, flowsSeen)
	}
}

func roundTrip(t *testing.T, s *scenario.Scenario, step int, seen map[flow.Verdict]int) {
	binding := scenario.Symbolic(s.Topology)
	was := world(t, s, binding, step)
	var files []adopt.Manifest
	add := func(object any) {
		text, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, adopt.Manifest{File: "objects.yaml", Text: text})
	}
	for _, object := range objects(t, s, binding, step) {
		add(object)
	}
	o, err := adopt.Read(files, "default")
	if err != nil {
		t.Fatal(err)
	}
	result, err := adopt.Import(o, adopt.Options{Name: "imported", Source: s.Name, Hosts: 2, IPv6: true, MaxPods: 60, DeclaredPorts: true})
	if err != nil {
		t.Fatal(err)
	}
	made, err := scenario.Parse("imported.yaml", result.Text)
	if err != nil {
		t.Fatal(err)
	}
	is := world(t, made, scenario.Symbolic(made.Topology), 0)
	probes := map[flow.Endpoint]flow.Endpoint{flow.DNS(): flow.DNS()}
	for _, p := range result.Probes {
		for _, w := range p.For {
			probes[flow.Pod(w.Namespace, w.Name)] = p.Pod
		}
	}
	compared := 0
	for _, f := range s.Flows(scenario.AllAxes()) {
		g := f
		var from, to bool
		g.Source, from = probes[f.Source]
		g.Destination, to = probes[f.Destination]
		if !from || !to || g.Source == g.Destination || f.Destination.Kind == flow.KindDNS && !made.Topology.DNS {
			continue
		}
		compared++
		seen[was.Expect(f)]++
		if want, got := was.Expect(f), is.Expect(g); got != want {
			t.Errorf("%s was %s, and imported as %s it is %s", f, want, g, got)
		}
	}
	if compared == 0 {
		t.Error("no flow was compared")
	}
}

func world(t *testing.T, s *scenario.Scenario, b scenario.Binding, step int) *oracle.World {
	t.Helper()
	play := oracle.NewPlay(s)
	var w *oracle.World
	for range step + 1 {
		var err error
		if w, err = play.Next(b, b); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// objects are what a cluster holds after the step.
func objects(t *testing.T, s *scenario.Scenario, b scenario.Binding, step int) []any {
	t.Helper()
	var list []any
	for _, ns := range s.Topology.Namespaces {
		list = append(list, corev1.Namespace{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: ns.Name, Labels: ns.Labels},
		})
	}
	for _, p := range s.Topology.Pods {
		list = append(list, pod(p, b.Addresses[p.Endpoint()]))
	}
	policies := map[scenario.PolicyKey]*networkingv1.NetworkPolicy{}
	for _, st := range s.Steps[:step+1] {
		for _, m := range applied(st) {
			policy, err := m.Render(b)
			if err != nil {
				t.Fatal(err)
			}
			policy.TypeMeta = metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}
			policies[m.Key()] = policy
		}
	}
	for _, policy := range policies {
		list = append(list, policy)
	}
	return list
}

// applied are the policies that a step applies, in order.
func applied(step scenario.Step) []scenario.Manifest {
	var list []scenario.Manifest
	for _, act := range step.Acts {
		list = append(list, act.Apply...)
	}
	return list
}

func pod(p scenario.Pod, addrs []netip.Addr) corev1.Pod {
	object := corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace, Labels: p.Labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "x"}}},
	}
	for _, port := range p.Ports {
		object.Spec.Containers[0].Ports = append(object.Spec.Containers[0].Ports, corev1.ContainerPort{
			Name: port.Name, ContainerPort: int32(port.Number), Protocol: corev1.Protocol(port.Protocol.String()),
		})
	}
	for _, a := range addrs {
		object.Status.PodIPs = append(object.Status.PodIPs, corev1.PodIP{IP: a.String()})
	}
	return object
}
