package oracle

import (
	"net"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// naiveExpect is a second evaluator that shares nothing with the oracle: it knows
// yes and no only, reads the API objects afresh for every flow, matches selectors
// and blocks by hand, and finds what is open by judging twice, once with everything
// contested admitted and once with nothing of it.
func naiveExpect(s State, f flow.Flow) flow.Verdict {
	if f.Source == f.Destination {
		return flow.Undefined
	}
	generous, strict := naive{s, true}.allowed(f), naive{s, false}.allowed(f)
	switch {
	case generous && strict:
		return flow.Allow
	case generous:
		return flow.Undefined
	}
	return flow.Deny
}

type naive struct {
	State
	generous bool
}

func (n naive) allowed(f flow.Flow) bool {
	return n.sourceLets(f) && n.destinationLets(f)
}

func (n naive) sourceLets(f flow.Flow) bool {
	isolated := false
	for _, np := range n.Policies {
		if !naiveHas(np.Spec.PolicyTypes, "Egress") || !n.subject(np, f.Source) {
			continue
		}
		isolated = true
		for _, rule := range np.Spec.Egress {
			if n.somePort(rule.Ports, f) && n.somePeer(np, rule.To, f, f.Destination, true) {
				return true
			}
		}
	}
	if !isolated {
		return true
	}
	ownNode := f.Destination.Kind == flow.KindNode && f.Destination.Number() == n.pod(f.Source).Node
	return ownNode && n.generous
}

func (n naive) destinationLets(f flow.Flow) bool {
	isolated := false
	for _, np := range n.Policies {
		if !naiveHas(np.Spec.PolicyTypes, "Ingress") || !n.subject(np, f.Destination) {
			continue
		}
		isolated = true
		for _, rule := range np.Spec.Ingress {
			if n.somePort(rule.Ports, f) && n.somePeer(np, rule.From, f, f.Source, false) {
				return true
			}
		}
	}
	if !isolated {
		return true
	}
	if f.Source.Kind == flow.KindNode {
		return n.generous || f.Source.Number() == n.pod(f.Destination).Node
	}
	return false
}

func naiveHas(types []networkingv1.PolicyType, t networkingv1.PolicyType) bool {
	for _, have := range types {
		if have == t {
			return true
		}
	}
	return false
}

// pod looks an endpoint up; the DNS service is a pod of kube-system.
func (n naive) pod(e flow.Endpoint) scenario.Pod {
	if e.Kind == flow.KindDNS {
		return scenario.Pod{Namespace: "kube-system", Labels: map[string]string{"k8s-app": "kube-dns"}}
	}
	for _, p := range n.Pods {
		if p.Namespace == e.Namespace && p.Name == e.Name {
			return p
		}
	}
	return scenario.Pod{}
}

func naiveIsPod(e flow.Endpoint) bool { return e.Kind == flow.KindPod || e.Kind == flow.KindDNS }

func (n naive) real(namespace string) string {
	if name := n.Binding.Namespaces[namespace]; name != "" {
		return name
	}
	return namespace
}

func (n naive) subject(np *networkingv1.NetworkPolicy, e flow.Endpoint) bool {
	p := n.pod(e)
	return naiveIsPod(e) && n.real(p.Namespace) == np.Namespace && naiveSelects(np.Spec.PodSelector, p.Labels)
}

func (n naive) somePort(ports []networkingv1.NetworkPolicyPort, f flow.Flow) bool {
	for _, p := range ports {
		if n.onePort(p, f) {
			return true
		}
	}
	return len(ports) == 0
}

func (n naive) onePort(p networkingv1.NetworkPolicyPort, f flow.Flow) bool {
	if string(*p.Protocol) != f.Protocol.String() {
		return false
	}
	if p.Port == nil {
		return true
	}
	if p.Port.Type == intstr.Int {
		for number := p.Port.IntVal; p.EndPort != nil && number <= *p.EndPort; number++ {
			if number == int32(f.Port) {
				return true
			}
		}
		return p.Port.IntVal == int32(f.Port)
	}
	if f.Destination.Kind == flow.KindDNS {
		return n.generous
	}
	for _, served := range n.pod(f.Destination).Ports {
		if served.Name == p.Port.StrVal && served.Number == f.Port && corev1.Protocol(served.Protocol.String()) == *p.Protocol {
			return true
		}
	}
	return false
}

func (n naive) somePeer(np *networkingv1.NetworkPolicy, peers []networkingv1.NetworkPolicyPeer, f flow.Flow, e flow.Endpoint, toPeer bool) bool {
	for _, p := range peers {
		if p.IPBlock != nil && n.block(p.IPBlock, f, e, toPeer) {
			return true
		}
		if p.IPBlock == nil && naiveIsPod(e) && n.selected(np, p, n.pod(e)) {
			return true
		}
	}
	return len(peers) == 0
}

func (n naive) selected(np *networkingv1.NetworkPolicy, p networkingv1.NetworkPolicyPeer, pod scenario.Pod) bool {
	space := n.real(pod.Namespace)
	switch {
	case p.NamespaceSelector == nil:
		return space == np.Namespace && naiveSelects(*p.PodSelector, pod.Labels)
	case p.PodSelector == nil:
		return naiveSelects(*p.NamespaceSelector, n.spaceLabels(space))
	}
	return naiveSelects(*p.NamespaceSelector, n.spaceLabels(space)) && naiveSelects(*p.PodSelector, pod.Labels)
}

func (n naive) spaceLabels(space string) map[string]string {
	all := map[string]string{"kubernetes.io/metadata.name": space}
	for k, v := range n.Namespaces[space] {
		all[k] = v
	}
	return all
}

func naiveSelects(s metav1.LabelSelector, have map[string]string) bool {
	for k, v := range s.MatchLabels {
		if got, ok := have[k]; !ok || got != v {
			return false
		}
	}
	for _, e := range s.MatchExpressions {
		got, ok := have[e.Key]
		listed := false
		for _, v := range e.Values {
			listed = listed || ok && got == v
		}
		met := map[metav1.LabelSelectorOperator]bool{"In": listed, "NotIn": !listed, "Exists": ok, "DoesNotExist": !ok}
		if !met[e.Operator] {
			return false
		}
	}
	return true
}

// block judges an ipBlock: outside hosts by their address, everybody else by the
// reading in force.
func (n naive) block(b *networkingv1.IPBlock, f flow.Flow, e flow.Endpoint, toPeer bool) bool {
	if e.Kind == flow.KindExternal || e.Kind == flow.KindPod && f.Via == flow.PodIP && n.LiteralIPBlocks {
		return n.holdsAny(b, f, []flow.Endpoint{e}, n.Binding.Addresses)
	}
	if !n.generous {
		return false
	}
	if e.Kind == flow.KindDNS {
		return naiveFamily(b.CIDR) == f.Family && !within(b.CIDR, n.Binding.ExternalCIDRs)
	}
	if n.holdsAny(b, f, []flow.Endpoint{e}, n.Binding.Addresses) {
		return true
	}
	if f.Via != flow.ClusterIP {
		return false
	}
	if toPeer {
		return naiveFamily(b.CIDR) == f.Family && !within(b.CIDR, n.Binding.ExternalCIDRs) && !within(b.CIDR, n.Binding.PodCIDRs)
	}
	return n.holdsAny(b, f, []flow.Endpoint{flow.Node(1), flow.Node(2)}, n.Binding.Addresses)
}

func (n naive) holdsAny(b *networkingv1.IPBlock, f flow.Flow, of []flow.Endpoint, where addresses) bool {
	for _, e := range of {
		for _, a := range where[e] {
			if (a.Is4() == (f.Family == flow.IPv4)) && naiveHolds(b, net.IP(a.AsSlice())) {
				return true
			}
		}
	}
	return false
}

func naiveHolds(b *networkingv1.IPBlock, ip net.IP) bool {
	_, block, err := net.ParseCIDR(b.CIDR)
	if err != nil || !block.Contains(ip) {
		return false
	}
	for _, text := range b.Except {
		if _, except, err := net.ParseCIDR(text); err != nil || except.Contains(ip) {
			return false
		}
	}
	return true
}

func naiveFamily(cidr string) flow.Family {
	if ip, _, err := net.ParseCIDR(cidr); err == nil && ip.To4() != nil {
		return flow.IPv4
	}
	return flow.IPv6
}

// within reports whether the first and the last address of a CIDR are in one of the others.
func within(cidr string, others []netip.Prefix) bool {
	_, block, err := net.ParseCIDR(cidr)
	if err != nil {
		return false
	}
	last := make(net.IP, len(block.IP))
	for i := range last {
		last[i] = block.IP[i] | ^block.Mask[i]
	}
	for _, other := range others {
		_, outer, err := net.ParseCIDR(other.String())
		if err == nil && outer.Contains(block.IP) && outer.Contains(last) {
			return true
		}
	}
	return false
}
