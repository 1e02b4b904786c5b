package netpol

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Default fills in what the API server would: policyTypes (Ingress always, Egress
// where there are egress rules), the protocol TCP of ports, and nil for every empty
// list and map, because storage does not tell the two apart. An empty selector
// stays an empty selector.
func Default(p *networkingv1.NetworkPolicy) {
	defaultPolicyTypes(&p.Spec)
	for i := range p.Spec.Ingress {
		rule := &p.Spec.Ingress[i]
		rule.Ports = defaultPorts(rule.Ports)
		rule.From = defaultPeers(rule.From)
	}
	for i := range p.Spec.Egress {
		rule := &p.Spec.Egress[i]
		rule.Ports = defaultPorts(rule.Ports)
		rule.To = defaultPeers(rule.To)
	}
	p.Spec.Ingress = nilIfEmpty(p.Spec.Ingress)
	p.Spec.Egress = nilIfEmpty(p.Spec.Egress)
	defaultSelector(&p.Spec.PodSelector)
	p.Labels = nilIfNone(p.Labels)
	p.Annotations = nilIfNone(p.Annotations)
}

func defaultPolicyTypes(spec *networkingv1.NetworkPolicySpec) {
	if len(spec.PolicyTypes) > 0 {
		return
	}
	spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	if len(spec.Egress) > 0 {
		spec.PolicyTypes = append(spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	}
}

func defaultPorts(ports []networkingv1.NetworkPolicyPort) []networkingv1.NetworkPolicyPort {
	for i := range ports {
		if ports[i].Protocol == nil {
			tcp := corev1.ProtocolTCP
			ports[i].Protocol = &tcp
		}
	}
	return nilIfEmpty(ports)
}

func defaultPeers(peers []networkingv1.NetworkPolicyPeer) []networkingv1.NetworkPolicyPeer {
	for i := range peers {
		defaultSelector(peers[i].PodSelector)
		defaultSelector(peers[i].NamespaceSelector)
		if block := peers[i].IPBlock; block != nil {
			block.Except = nilIfEmpty(block.Except)
		}
	}
	return nilIfEmpty(peers)
}

func defaultSelector(s *metav1.LabelSelector) {
	if s == nil {
		return
	}
	s.MatchLabels = nilIfNone(s.MatchLabels)
	for i := range s.MatchExpressions {
		s.MatchExpressions[i].Values = nilIfEmpty(s.MatchExpressions[i].Values)
	}
	s.MatchExpressions = nilIfEmpty(s.MatchExpressions)
}

func nilIfEmpty[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func nilIfNone[V any](m map[string]V) map[string]V {
	if len(m) == 0 {
		return nil
	}
	return m
}
