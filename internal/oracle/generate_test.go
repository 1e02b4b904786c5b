package oracle

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/netpol"
	"github.com/cniproof/cniproof/internal/scenario"
)

type addresses = map[flow.Endpoint][]netip.Addr

// The alphabets are small, so that what policies name is often there.
var (
	someNamespaces = []string{"x", "y", "z"}
	someKeys       = []string{"p", "q"}
	someValues     = []string{"1", "2", ""}
	somePortNames  = []string{"", "http", "dns"}
	someNumbers    = []uint16{53, 80, 81}
	someProtocols  = []flow.Protocol{flow.TCP, flow.UDP, flow.SCTP}
	someBlocks     = []string{
		"0.0.0.0/0", "10.244.0.0/16", "10.244.1.0/24", "10.244.1.2/32", "10.96.0.0/24", "192.0.2.0/24", "192.0.2.0/31",
		"192.0.2.1/32", "192.0.0.0/16", "198.51.100.0/24", "198.51.100.2/32", "203.0.113.0/24",
		"::/0", "fd00:10:244::/48", "fd00:10:244:1::2/128", "fd00:10:96::/112", "2001:db8::/64", "2001:db8::1/128", "2001:db8::/32", "2001:db8:100::/64",
	}
)

// draw is rapid's T, with the generators of this package.
type draw struct{ *rapid.T }

func pick[V any](t draw, name string, from []V) V { return rapid.SampledFrom(from).Draw(t.T, name) }

func (t draw) number(name string, low, high int) int {
	return rapid.IntRange(low, high).Draw(t.T, name)
}

// count is number without rapid's liking for small ones.
func (t draw) count(name string, low, high int) int {
	numbers := make([]int, 0, high-low+1)
	for n := low; n <= high; n++ {
		numbers = append(numbers, n)
	}
	return rapid.Permutation(numbers).Draw(t.T, name)[0]
}

func (t draw) yes(name string) bool { return rapid.Bool().Draw(t.T, name) }

func several[V any](t draw, name string, most int, one func() V) []V {
	var list []V
	for range t.count(name, 0, most) {
		list = append(list, one())
	}
	return list
}

// state draws a world of three namespaces, two nodes, two external hosts.
func (t draw) state() State {
	s := State{Namespaces: map[string]map[string]string{}, LiteralIPBlocks: t.yes("literal")}
	for _, ns := range someNamespaces {
		s.Namespaces["real-"+ns] = t.labels()
		for n := range t.count("pods", 1, 2) {
			s.Pods = append(s.Pods, t.pod(ns, string(rune('a'+n))))
		}
	}
	s.Binding = testBinding(s.Pods)
	s.Binding.Namespaces = map[string]string{}
	for _, ns := range someNamespaces {
		s.Binding.Namespaces[ns] = "real-" + ns
	}
	s.Policies = several(t, "policies", 6, t.policy)
	for i, np := range s.Policies {
		np.Name = fmt.Sprintf("np-%d", i)
	}
	return s
}

func (t draw) labels() map[string]string {
	labels := map[string]string{}
	for _, k := range someKeys {
		if t.yes("has label") {
			labels[k] = pick(t, "value", someValues)
		}
	}
	return labels
}

func (t draw) pod(namespace, name string) scenario.Pod {
	return scenario.Pod{
		Namespace: namespace, Name: name, Labels: t.labels(), Node: t.number("node", 1, 2),
		Ports: several(t, "ports", 3, func() flow.Port {
			return flow.Port{Number: pick(t, "number", someNumbers), Protocol: pick(t, "protocol", someProtocols), Name: pick(t, "name", somePortNames)}
		}),
	}
}

func (t draw) policy() *networkingv1.NetworkPolicy {
	np := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{
		Name: "drawn", Namespace: pick(t, "home", []string{"real-x", "real-y", "real-z", "kube-system"}),
	}}
	np.Spec.PodSelector = t.selector()
	np.Spec.PolicyTypes = pick(t, "types", [][]networkingv1.PolicyType{nil, {"Ingress"}, {"Egress"}, {"Ingress", "Egress"}})
	np.Spec.Ingress = several(t, "ingress rules", 3, func() networkingv1.NetworkPolicyIngressRule {
		return networkingv1.NetworkPolicyIngressRule{From: several(t, "from", 3, t.peer), Ports: several(t, "rule ports", 2, t.port)}
	})
	np.Spec.Egress = several(t, "egress rules", 3, func() networkingv1.NetworkPolicyEgressRule {
		return networkingv1.NetworkPolicyEgressRule{To: several(t, "to", 3, t.peer), Ports: several(t, "rule ports", 2, t.port)}
	})
	netpol.Default(np)
	if errs := netpol.Validate(np); len(errs) > 0 {
		t.Fatalf("drew an invalid policy: %v", errs.ToAggregate())
	}
	return np
}

func (t draw) selector() metav1.LabelSelector {
	var s metav1.LabelSelector
	switch t.number("kind of selector", 0, 2) {
	case 0: // empty
	case 1:
		s.MatchLabels = map[string]string{pick(t, "key", someKeys): pick(t, "value", someValues)}
	case 2:
		s.MatchExpressions = []metav1.LabelSelectorRequirement{t.expression()}
		if t.yes("two expressions") {
			s.MatchExpressions = append(s.MatchExpressions, t.expression())
		}
	}
	return s
}

func (t draw) expression() metav1.LabelSelectorRequirement {
	e := metav1.LabelSelectorRequirement{
		Key: pick(t, "key", someKeys), Operator: pick(t, "operator", []metav1.LabelSelectorOperator{"In", "NotIn", "Exists", "DoesNotExist"}),
	}
	if e.Operator == "In" || e.Operator == "NotIn" {
		e.Values = rapid.SliceOfNDistinct(rapid.SampledFrom(someValues), 1, 2, rapid.ID[string]).Draw(t.T, "values")
	}
	return e
}

func (t draw) peer() networkingv1.NetworkPolicyPeer {
	var p networkingv1.NetworkPolicyPeer
	switch t.number("kind of peer", 0, 4) {
	case 0:
		s := t.selector()
		p.PodSelector = &s
	case 1:
		s := t.selector()
		p.NamespaceSelector = &s
	case 2:
		name := pick(t, "named", []string{"real-x", "real-y", "kube-system"})
		p.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: name}}
	case 3:
		pods, namespaces := t.selector(), t.selector()
		p.PodSelector, p.NamespaceSelector = &pods, &namespaces
	case 4:
		p.IPBlock = t.block()
	}
	return p
}

func (t draw) block() *networkingv1.IPBlock {
	b := &networkingv1.IPBlock{CIDR: pick(t, "cidr", someBlocks)}
	outer := netip.MustParsePrefix(b.CIDR)
	var inside []string
	for _, text := range someBlocks {
		if inner := netip.MustParsePrefix(text); outer.Contains(inner.Addr()) && inner.Bits() > outer.Bits() {
			inside = append(inside, text)
		}
	}
	if len(inside) > 0 {
		b.Except = several(t, "excepts", 2, func() string { return pick(t, "except", inside) })
	}
	return b
}

func (t draw) port() networkingv1.NetworkPolicyPort {
	var p networkingv1.NetworkPolicyPort
	if t.yes("with a protocol") {
		protocol := corev1.Protocol(pick(t, "protocol", someProtocols).String())
		p.Protocol = &protocol
	}
	switch t.number("kind of port", 0, 3) {
	case 0: // every port
	case 1:
		p.Port = &intstr.IntOrString{IntVal: int32(pick(t, "number", someNumbers))}
	case 2:
		p.Port = &intstr.IntOrString{Type: intstr.String, StrVal: pick(t, "name", somePortNames[1:])}
	case 3:
		p.Port = &intstr.IntOrString{IntVal: int32(t.number("port", 52, 82))}
		end := p.Port.IntVal + int32(t.number("more", 0, 30))
		p.EndPort = &end
	}
	return p
}

// everyFlow is what a cluster of the state can have: every ordered pair, every
// port, path and family.
func everyFlow(s State) []flow.Flow {
	ends := []flow.Endpoint{flow.External(1), flow.External(2), flow.Node(1), flow.Node(2), flow.DNS()}
	for _, p := range s.Pods {
		ends = append(ends, p.Endpoint())
	}
	var flows []flow.Flow
	for _, from := range ends {
		for _, to := range ends {
			if from.Kind != flow.KindPod && to.Kind != flow.KindPod || from.Kind == flow.KindDNS {
				continue
			}
			flows = append(flows, between(from, to)...)
		}
	}
	return flows
}

// someFlows is a drawn seventh of everyFlow, for what is slow to check.
func (t draw) someFlows(s State) []flow.Flow {
	const step = 7
	var flows []flow.Flow
	all := everyFlow(s)
	for i := t.number("first flow", 0, step-1); i < len(all); i += step {
		flows = append(flows, all[i])
	}
	return flows
}

func between(from, to flow.Endpoint) []flow.Flow {
	var flows []flow.Flow
	vias := []flow.Via{flow.PodIP}
	switch {
	case to.Kind == flow.KindDNS:
		vias = []flow.Via{flow.ClusterIP}
	case from.Kind == flow.KindPod && to.Kind == flow.KindPod:
		vias = []flow.Via{flow.PodIP, flow.ClusterIP}
	}
	for _, via := range vias {
		for _, protocol := range someProtocols {
			for _, number := range someNumbers {
				for _, family := range []flow.Family{flow.IPv4, flow.IPv6} {
					flows = append(flows, flow.Flow{Source: from, Destination: to, Protocol: protocol, Port: number, Via: via, Family: family})
				}
			}
		}
	}
	return flows
}

func (t draw) world(s State) *World {
	w, err := NewWorld(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// describe is a state for a failure's message.
func describe(s State) string {
	var b strings.Builder
	for _, p := range s.Pods {
		fmt.Fprintf(&b, "pod %+v\n", p)
	}
	for _, np := range s.Policies {
		fmt.Fprintf(&b, "policy %s/%s %+v\n", np.Namespace, np.Name, np.Spec)
	}
	return fmt.Sprintf("namespaces %v\n%s", s.Namespaces, b.String())
}
