package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/yaml"
)

// The world of the table tests. A host outside has no object.
var (
	testNamespaces = map[string]map[string]string{
		"x": {"ns": "x", "env": "prod"},
		"y": {"ns": "y", "env": "dev"},
		"z": {"ns": "z"},
	}
	testPods = []struct {
		name, node string
		addrs      []string
		labels     map[string]string
		ports      []corev1.ContainerPort
	}{
		{"x/a", "n1", []string{"10.0.1.1", "fd00:1::1"}, map[string]string{"pod": "a", "tier": "front"}, namedPorts("http=80/TCP", "dns=53/UDP")},
		{"x/b", "n1", []string{"10.0.1.2", "fd00:1::2"}, map[string]string{"pod": "b", "tier": "back"}, namedPorts("http=8080/TCP")},
		{"x/c", "n2", []string{"10.0.1.3", "fd00:1::3"}, map[string]string{"pod": "c"}, nil},
		{"y/a", "n1", []string{"10.0.2.1", "fd00:2::1"}, map[string]string{"pod": "a"}, namedPorts("http=80/TCP")},
		{"y/b", "n2", []string{"10.0.2.2", "fd00:2::2"}, map[string]string{"pod": "b"}, namedPorts("http=8080/TCP")},
		{"z/c", "n2", []string{"10.0.3.3", "fd00:3::3"}, map[string]string{"pod": "c"}, nil},
	}
	testHosts = map[string][]string{
		"out": {"192.0.2.1", "2001:db8::1"}, "out9": {"192.0.2.9", "2001:db8::9"}, "out77": {"192.0.2.77", "2001:db8::77"},
	}
)

func namedPorts(words ...string) []corev1.ContainerPort {
	var out []corev1.ContainerPort
	for _, w := range words {
		name, rest, _ := strings.Cut(w, "=")
		number, protocol, _ := strings.Cut(rest, "/")
		p := corev1.ContainerPort{Name: name, Protocol: corev1.Protocol(protocol)}
		_, _ = fmt.Sscan(number, &p.ContainerPort)
		out = append(out, p)
	}
	return out
}

// play is an engine without kernel: a store and a modeller.
type play struct {
	t        *testing.T
	store    *store
	modeller *modeller
	pods     map[string]*corev1.Pod
	policies map[string]bool
}

func newPlay(t *testing.T, faults Faults) *play {
	p := &play{t, newStore(faults), newModeller(faults), map[string]*corev1.Pod{}, map[string]bool{}}
	for name, labels := range testNamespaces {
		p.store.apply(event{watch.Added, testNamespace(name, labels)})
	}
	always := corev1.ContainerRestartPolicyAlways
	for _, spec := range testPods {
		namespace, name, _ := strings.Cut(spec.name, "/")
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: spec.labels},
			Spec: corev1.PodSpec{
				NodeName:       spec.node,
				InitContainers: []corev1.Container{{Ports: namedPorts("before=9091/TCP"), RestartPolicy: &always}, {Ports: namedPorts("setup=9092/TCP")}},
				Containers:     []corev1.Container{{Ports: spec.ports}, {Ports: namedPorts("beside=9090/TCP")}},
			},
		}
		p.pods[spec.name] = pod
		p.store.apply(event{watch.Added, pod.DeepCopy()})
		p.address(spec.name, spec.addrs...)
	}
	return p
}

func testNamespace(name string, labels map[string]string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
}

// address gives a pod its addresses, as the kubelet does some time after it was made.
func (p *play) address(name string, addrs ...string) {
	pod := p.pods[name]
	pod.Status.PodIPs = nil
	for _, a := range addrs {
		pod.Status.PodIPs = append(pod.Status.PodIPs, corev1.PodIP{IP: a})
	}
	p.store.apply(event{watch.Modified, pod.DeepCopy()})
}

// step does one of
//
//	x/p {spec}         create or update a policy
//	delete x/p         delete a policy
//	pod x/a {labels}   relabel a pod
//	ns y {labels}      relabel a namespace
//	renew y {labels}   delete a namespace and make it again
//	again x/a ADDR...  delete a pod and make it again with other addresses
//	new x/a0 {labels}  another pod, with an address that nobody asks for
//	end x/a            a pod that has run to its end
//	remove x/a         delete a pod
//	unready x/a        a pod that is not ready any more, and ready x/a the other way
func (p *play) step(text string) {
	p.t.Helper()
	verb, rest, _ := strings.Cut(text, " ")
	name, argument, _ := strings.Cut(rest, " ")
	switch verb {
	case "delete":
		namespace, name, _ := strings.Cut(rest, "/")
		delete(p.policies, rest)
		p.store.apply(event{watch.Deleted, &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}})
	case "pod":
		p.pods[name].Labels = p.labels(argument)
		p.store.apply(event{watch.Modified, p.pods[name].DeepCopy()})
	case "ns":
		p.store.apply(event{watch.Modified, testNamespace(name, p.labels(argument))})
	case "renew":
		p.store.apply(event{watch.Deleted, testNamespace(name, nil)})
		p.store.apply(event{watch.Added, testNamespace(name, p.labels(argument))})
	case "again":
		p.store.apply(event{watch.Deleted, p.pods[name].DeepCopy()})
		p.pods[name].Status.PodIPs = nil
		p.store.apply(event{watch.Added, p.pods[name].DeepCopy()})
		p.address(name, strings.Fields(argument)...)
	case "new":
		namespace, short, _ := strings.Cut(name, "/")
		p.pods[name] = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: short, Labels: p.labels(argument)}, Spec: corev1.PodSpec{NodeName: "n1"}}
		p.store.apply(event{watch.Added, p.pods[name].DeepCopy()})
		p.address(name, "10.9.9.9", "fd00:9::9")
	case "end":
		p.pods[rest].Status.Phase = corev1.PodSucceeded
		p.store.apply(event{watch.Modified, p.pods[rest].DeepCopy()})
	case "leave":
		p.pods[rest].DeletionTimestamp = new(metav1.Now())
		p.store.apply(event{watch.Modified, p.pods[rest].DeepCopy()})
	case "ready", "unready":
		p.pods[rest].Status.Conditions = readiness(verb == "ready")
		p.store.apply(event{watch.Modified, p.pods[rest].DeepCopy()})
	case "remove":
		p.store.apply(event{watch.Deleted, p.pods[rest].DeepCopy()})
	default:
		p.policy(verb, rest)
	}
}

func readiness(is bool) []corev1.PodCondition {
	status := corev1.ConditionFalse
	if is {
		status = corev1.ConditionTrue
	}
	return []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
}

func (p *play) labels(text string) map[string]string {
	p.t.Helper()
	labels := map[string]string{}
	if err := yaml.UnmarshalStrict([]byte(text), &labels); err != nil {
		p.t.Fatal(err)
	}
	return labels
}

func (p *play) policy(name, spec string) {
	p.t.Helper()
	namespace, short, _ := strings.Cut(name, "/")
	kind := watch.Added
	if p.policies[name] {
		kind = watch.Modified
	}
	p.policies[name] = true
	p.store.apply(event{kind, parsePolicy(p.t, fmt.Sprintf("{metadata: {namespace: %q, name: %q}, spec: %s}", namespace, short, spec))})
}

// allows judges "x/b -> x/a:80/tcp", or the same "over ipv6", by the model.
func (p *play) allows(line string) bool {
	p.t.Helper()
	line, six := strings.CutSuffix(line, " over ipv6")
	from, rest, _ := strings.Cut(line, " -> ")
	to, service, _ := strings.Cut(rest, ":")
	number, word, _ := strings.Cut(service, "/")
	var n uint16
	_, _ = fmt.Sscan(number, &n)
	protocol := corev1.Protocol(strings.ToUpper(word))
	what := newPort(protocolNumber(&protocol), n)
	m := p.modeller.model(p.store)
	return admits(m, egress, from, p.addr(to, six), what) && admits(m, ingress, to, p.addr(from, six), what)
}

func (p *play) addr(name string, six bool) netip.Addr {
	p.t.Helper()
	texts := testHosts[name]
	if pod := p.pods[name]; pod != nil {
		texts = []string{pod.Status.PodIPs[0].IP, pod.Status.PodIPs[1].IP}
	}
	if texts == nil {
		p.t.Fatalf("no endpoint %q", name)
	}
	if six {
		return netip.MustParseAddr(texts[1])
	}
	return netip.MustParseAddr(texts[0])
}

func admits(m model, d direction, pod string, peer netip.Addr, what port) bool {
	namespace, name, _ := strings.Cut(pod, "/")
	judged := m[key{namespace, name}]
	if judged == nil || judged.says[d] == nil {
		return true
	}
	if !slices.ContainsFunc(judged.pod.addrs, func(a netip.Addr) bool { return a.Is4() == peer.Is4() }) {
		return true // the kernel's maps do not know the pod in this family
	}
	return slices.ContainsFunc(judged.says[d].allows, func(a allow) bool {
		return a.peers.covers(addrSet{oneAddr(peer)}) && a.ports.covers(portSet{{what, what}})
	})
}

// text is the whole model, for comparing.
func (m model) text() string {
	var lines []string
	for k, pm := range m {
		for d, i := range pm.says {
			if i != nil {
				lines = append(lines, fmt.Sprintf("%s %s %v\n%s", k, direction(d), pm.pod.addrs, newChain(direction(d), i, Faults{}).text()))
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// modelRow is a flow and its right verdict; an engine with one of the faults gets it wrong.
type modelRow struct {
	steps  []string
	flow   string
	allow  bool
	faults []Fault
}

func TestModel(t *testing.T) {
	for topic, rows := range modelTable() {
		for _, r := range rows {
			t.Run(topic+"/"+r.flow, func(t *testing.T) {
				check(t, r, Faults{}, r.allow)
				for _, fault := range r.faults {
					check(t, r, Faults{map[Fault]bool{fault: true}}, !r.allow)
				}
			})
		}
	}
}

func check(t *testing.T, r modelRow, faults Faults, want bool) {
	t.Helper()
	p := newPlay(t, faults)
	for _, s := range r.steps {
		p.modeller.model(p.store)
		p.step(s)
	}
	if got := p.allows(r.flow); got != want {
		t.Errorf("faults %v: %s: got allowed: %t, want %t\n%s\nthe model is\n%s",
			faults.Names(), r.flow, got, want, strings.Join(r.steps, "\n"), p.modeller.model(p.store).text())
	}
	anew := newModeller(faults).model(p.store).text()
	if diff := cmp.Diff(anew, p.modeller.model(p.store).text()); diff != "" {
		t.Errorf("a model made in steps differs from one made at once (-at once +in steps):\n%s", diff)
	}
}

// TestEveryFaultHasARow demands a test of every fault.
func TestEveryFaultHasARow(t *testing.T) {
	tested := map[Fault]bool{PolicyTypesNotDefaulted: true, LargeDatagramsDropped: true, LargeDatagramsOpen: true, LargeSegmentsDropped: true, RulesOverflow: true} // not in a table
	for _, rows := range modelTable() {
		for _, r := range rows {
			for _, fault := range r.faults {
				tested[fault] = true
			}
		}
	}
	for _, r := range dataPathFaults {
		tested[r.fault] = true
	}
	for fault := range loopFaults {
		tested[fault] = true
	}
	for _, f := range AllFaults() {
		if !tested[f.Name] {
			t.Errorf("fault %q is in no table", f.Name)
		}
	}
}
