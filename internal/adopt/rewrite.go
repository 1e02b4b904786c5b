package adopt

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/flow"
)

// rewrite puts variables into the policies where they name what only a cluster
// knows: other namespaces by their names, and addresses.
func (i *importer) rewrite() {
	for _, p := range i.policies {
		r := rewriter{importer: i, policy: p.Namespace + "/" + p.Name}
		r.unmatched(p)
		r.rules(p)
		eachSelector(p, i.renameNamespaces)
		p.Namespace = i.names[p.Namespace]
	}
}

type rewriter struct {
	*importer
	policy string
}

// rules rewrites every rule. One whose peers are all left out admits nobody who is
// probed; it must go, because a rule without peers admits everybody.
func (r *rewriter) rules(p *networkingv1.NetworkPolicy) {
	var ingress []networkingv1.NetworkPolicyIngressRule
	for n, rule := range p.Spec.Ingress {
		had := len(rule.From)
		rule.From = r.peers(rule.From, fmt.Sprintf("policy %s, ingress rule %d", r.policy, n+1))
		if had == 0 || len(rule.From) > 0 {
			ingress = append(ingress, rule)
		}
	}
	var egress []networkingv1.NetworkPolicyEgressRule
	for n, rule := range p.Spec.Egress {
		had := len(rule.To)
		rule.To = r.peers(rule.To, fmt.Sprintf("policy %s, egress rule %d", r.policy, n+1))
		if had == 0 || len(rule.To) > 0 {
			egress = append(egress, rule)
		}
	}
	p.Spec.Ingress, p.Spec.Egress = ingress, egress
}

func (r *rewriter) peers(peers []networkingv1.NetworkPolicyPeer, at string) []networkingv1.NetworkPolicyPeer {
	var list []networkingv1.NetworkPolicyPeer
	for n, peer := range peers {
		if peer.IPBlock == nil {
			list = append(list, peer)
			continue
		}
		for _, b := range r.mapped(readBlock(peer.IPBlock), peer.IPBlock, fmt.Sprintf("%s, peer %d", at, n+1)) {
			list = append(list, networkingv1.NetworkPolicyPeer{IPBlock: &b})
		}
	}
	return list
}

// mapped says the same as a block by what the scenario has.
func (r *rewriter) mapped(b block, written *networkingv1.IPBlock, at string) []networkingv1.IPBlock {
	text := blockText(written)
	switch {
	case b.everything() && len(b.except) == 0:
		return []networkingv1.IPBlock{*written}
	case b.nothing():
		r.note("%s: the block %s is left out: its exceptions leave no address", at, text)
		return nil
	case b.family() == flow.IPv6 && !r.options.IPv6:
		r.note("%s: the block %s is left out, because the scenario is to run on clusters without IPv6 too (see --ipv6)", at, text)
		return nil
	case b.everything():
		return []networkingv1.IPBlock{r.allBut(b, written.CIDR, at)}
	}
	list := r.parts(b)
	if len(list) == 0 {
		r.note("%s: the block %s is left out: it holds no address that a host outside (there are %d) or a probe stands for", at, text, len(r.hosts))
		return nil
	}
	r.note("%s: the block %s became %s", at, text, cidrsOf(list))
	return list
}

func blockText(b *networkingv1.IPBlock) string {
	if len(b.Except) == 0 {
		return b.CIDR
	}
	return fmt.Sprintf("%s except %v", b.CIDR, b.Except)
}

func cidrsOf(list []networkingv1.IPBlock) []string {
	var texts []string
	for _, b := range list {
		texts = append(texts, b.CIDR)
	}
	return texts
}

// parts are the hosts outside and the pods whose addresses the block holds.
func (r *rewriter) parts(b block) []networkingv1.IPBlock {
	var list []networkingv1.IPBlock
	for n, host := range r.hosts {
		if a := host[b.family()]; a.IsValid() && b.holds(a) {
			list = append(list, networkingv1.IPBlock{CIDR: hostCIDR(n+1, b.family())})
		}
	}
	pods, all := r.podsIn(b)
	if all {
		return append(list, networkingv1.IPBlock{CIDR: podCIDR(b.family())})
	}
	for _, p := range pods {
		list = append(list, networkingv1.IPBlock{CIDR: fmt.Sprintf("${pod.%s.%s", p, perAddress(b.family()))})
	}
	return list
}

func hostCIDR(n int, family flow.Family) string {
	if n == 1 {
		return "${external." + perAddress(family)
	}
	return fmt.Sprintf("${external.%d.%s", n, perAddress(family))
}

func perAddress(family flow.Family) string {
	if family == flow.IPv6 {
		return "ip6}/128"
	}
	return "ip4}/32"
}

func podCIDR(family flow.Family) string {
	if family == flow.IPv6 {
		return "${cluster.podCIDR6}"
	}
	return "${cluster.podCIDR4}"
}

// podsIn are the probes that stand for pods with an address in the block, and whether
// they are all whose addresses are known.
func (r *rewriter) podsIn(b block) (found []flow.Endpoint, all bool) {
	known := 0
	for _, p := range r.probes {
		own := slices.DeleteFunc(p.addresses(), func(a netip.Addr) bool { return flow.FamilyOf(a) != b.family() })
		if len(own) == 0 {
			continue
		}
		known++
		if slices.ContainsFunc(own, b.holds) {
			found = append(found, p.Pod)
		}
	}
	return found, known > 1 && len(found) == known
}

// allBut is a block that holds everything but exceptions.
func (r *rewriter) allBut(b block, cidr, at string) networkingv1.IPBlock {
	made := networkingv1.IPBlock{CIDR: cidr}
	for _, e := range b.except {
		mapped := cidrsOf(r.parts(block{cidr: e}))
		assumed := r.assumed(e)
		if assumed != "" {
			mapped = append(mapped, assumed)
			assumed = ": it is taken to cover the pods, whose addresses the objects do not tell"
		}
		if len(mapped) == 0 {
			r.note("%s: the exception %s is left out: it holds no address that a host outside (there are %d) or a probe stands for", at, e, len(r.hosts))
			continue
		}
		r.note("%s: the exception %s became %s%s", at, e, mapped, assumed)
		made.Except = append(made.Except, mapped...)
	}
	slices.Sort(made.Except)
	made.Except = slices.Compact(made.Except)
	return made
}

// assumed is the pods' range where nothing is known of the pods' addresses and the
// exception is a range of private ones.
func (r *rewriter) assumed(e netip.Prefix) string {
	known := slices.ContainsFunc(r.probes, func(p Probe) bool { return len(p.addresses()) > 0 })
	if known || len(r.ranges) > 0 || !e.Addr().IsPrivate() || e.Bits() > 16 {
		return ""
	}
	return podCIDR(flow.FamilyOf(e.Addr()))
}

// renameNamespaces gives the names of namespaces their variables.
func (i *importer) renameNamespaces(s *metav1.LabelSelector) {
	if value, ok := s.MatchLabels[corev1.LabelMetadataName]; ok {
		s.MatchLabels[corev1.LabelMetadataName] = i.variable(value)
	}
	for n, e := range s.MatchExpressions {
		for k, value := range e.Values {
			if e.Key == corev1.LabelMetadataName {
				s.MatchExpressions[n].Values[k] = i.variable(value)
			}
		}
	}
}

func (i *importer) variable(namespace string) string {
	if name, ok := i.names[namespace]; ok {
		return "${ns." + name + "}"
	}
	return namespace
}

// unmatched says which selectors take nobody who is probed.
func (r *rewriter) unmatched(p *networkingv1.NetworkPolicy) {
	if !slices.ContainsFunc(r.workloads, func(w Workload) bool {
		return w.Namespace == p.Namespace && matches(&p.Spec.PodSelector, w.Labels)
	}) {
		r.note("policy %s selects no pod here, so what it isolates is not tried", r.policy)
	}
	eachPeer(p, func(peer *networkingv1.NetworkPolicyPeer) {
		taken := peer.IPBlock != nil || slices.ContainsFunc(r.workloads, func(w Workload) bool {
			return admits(peer, p.Namespace, w.Labels, w.Namespace, r.labelsOf(w.Namespace))
		})
		dns := r.dns && admits(peer, p.Namespace, map[string]string{"k8s-app": "kube-dns"}, systemNamespace, nil)
		if !taken && !dns {
			r.note("policy %s: the peer %s takes no pod here, so what it opens is not tried", r.policy, peerText(peer))
		}
	})
}

func peerText(peer *networkingv1.NetworkPolicyPeer) string {
	text := ""
	if peer.PodSelector != nil {
		text = "podSelector " + selectorText(peer.PodSelector)
	}
	if peer.NamespaceSelector != nil {
		if text != "" {
			text += " and "
		}
		text += "namespaceSelector " + selectorText(peer.NamespaceSelector)
	}
	return text
}

func selectorText(s *metav1.LabelSelector) string {
	if empty(s) {
		return "{}"
	}
	return fmt.Sprintf("%q", metav1.FormatLabelSelector(s))
}
