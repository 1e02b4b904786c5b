package reading

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type peerList = []networkingv1.NetworkPolicyPeer

// eachPeer replaces every peer of every rule by others. A rule whose last peer goes
// admits nobody: without any it would admit everybody.
func eachPeer(change func(networkingv1.NetworkPolicyPeer) peerList) func(*networkingv1.NetworkPolicy) {
	return func(p *networkingv1.NetworkPolicy) {
		eachRule(p, func(peers *[]networkingv1.NetworkPolicyPeer, _ *[]networkingv1.NetworkPolicyPort) {
			var made peerList
			for _, peer := range *peers {
				made = append(made, change(peer)...)
			}
			if len(*peers) > 0 && len(made) == 0 {
				made = peerList{{PodSelector: impossible()}}
			}
			*peers = made
		})
	}
}

// impossible is a selector that matches nothing.
func impossible() *metav1.LabelSelector {
	const key = "cniproof.dev/none"
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: key, Operator: metav1.LabelSelectorOpExists}, {Key: key, Operator: metav1.LabelSelectorOpDoesNotExist},
	}}
}

func namespaceCalled(name string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: name}}
}

func empty(s *metav1.LabelSelector) bool {
	return s != nil && len(s.MatchLabels)+len(s.MatchExpressions) == 0
}

func andAsOr(p *networkingv1.NetworkPolicy) {
	eachPeer(func(peer networkingv1.NetworkPolicyPeer) peerList {
		if peer.PodSelector == nil || peer.NamespaceSelector == nil {
			return peerList{peer}
		}
		return peerList{
			{NamespaceSelector: peer.NamespaceSelector},
			{NamespaceSelector: &metav1.LabelSelector{}, PodSelector: peer.PodSelector},
		}
	})(p)
}

// crossPeers gives each pair of selectors a peer, whichever peers they are of.
func crossPeers(p *networkingv1.NetworkPolicy) {
	eachRule(p, func(peers *[]networkingv1.NetworkPolicyPeer, _ *[]networkingv1.NetworkPolicyPort) {
		made := slices.Clone(*peers)
		for _, a := range *peers {
			for _, b := range *peers {
				if a.NamespaceSelector != nil && b.NamespaceSelector != nil && a.PodSelector != nil && b.PodSelector != nil {
					made = append(made, networkingv1.NetworkPolicyPeer{NamespaceSelector: a.NamespaceSelector, PodSelector: b.PodSelector})
				}
			}
		}
		*peers = made
	})
}

func anyNamespace(p *networkingv1.NetworkPolicy) {
	eachPeer(func(peer networkingv1.NetworkPolicyPeer) peerList {
		if peer.NamespaceSelector != nil {
			peer.NamespaceSelector = &metav1.LabelSelector{}
		}
		return peerList{peer}
	})(p)
}

func anyPod(p *networkingv1.NetworkPolicy) {
	eachPeer(func(peer networkingv1.NetworkPolicyPeer) peerList {
		if peer.PodSelector != nil {
			peer.PodSelector = &metav1.LabelSelector{}
		}
		return peerList{peer}
	})(p)
}

func everyNamespace(p *networkingv1.NetworkPolicy) {
	eachPeer(func(peer networkingv1.NetworkPolicyPeer) peerList {
		if peer.PodSelector != nil && peer.NamespaceSelector == nil {
			peer.NamespaceSelector = &metav1.LabelSelector{}
		}
		return peerList{peer}
	})(p)
}

func anyPeer(p *networkingv1.NetworkPolicy) {
	eachRule(p, func(peers *[]networkingv1.NetworkPolicyPeer, _ *[]networkingv1.NetworkPolicyPort) { *peers = nil })
}

func podsOnly(p *networkingv1.NetworkPolicy) {
	eachRule(p, func(peers *[]networkingv1.NetworkPolicyPeer, _ *[]networkingv1.NetworkPolicyPort) {
		if len(*peers) == 0 {
			*peers = peerList{{NamespaceSelector: &metav1.LabelSelector{}}}
		}
	})
}

func anyone(p *networkingv1.NetworkPolicy) {
	eachRule(p, func(peers *[]networkingv1.NetworkPolicyPeer, _ *[]networkingv1.NetworkPolicyPort) {
		if slices.ContainsFunc(*peers, func(peer networkingv1.NetworkPolicyPeer) bool {
			return peer.PodSelector == nil && empty(peer.NamespaceSelector)
		}) {
			*peers = nil
		}
	})
}

// eachSelector changes every selector of a policy.
func eachSelector(p *networkingv1.NetworkPolicy, change func(*metav1.LabelSelector)) {
	change(&p.Spec.PodSelector)
	eachRule(p, func(peers *[]networkingv1.NetworkPolicyPeer, _ *[]networkingv1.NetworkPolicyPort) {
		for _, peer := range *peers {
			for _, s := range []*metav1.LabelSelector{peer.PodSelector, peer.NamespaceSelector} {
				if s != nil {
					change(s)
				}
			}
		}
	})
}

func emptySelectsNone(p *networkingv1.NetworkPolicy) {
	eachSelector(p, func(s *metav1.LabelSelector) {
		if empty(s) {
			*s = *impossible()
		}
	})
}

func withoutOperator(operator metav1.LabelSelectorOperator) func(*networkingv1.NetworkPolicy) {
	return func(p *networkingv1.NetworkPolicy) {
		eachSelector(p, func(s *metav1.LabelSelector) {
			s.MatchExpressions = slices.DeleteFunc(s.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool { return r.Operator == operator })
		})
	}
}

func notInWantsKey(p *networkingv1.NetworkPolicy) {
	eachSelector(p, func(s *metav1.LabelSelector) {
		for _, r := range slices.Clone(s.MatchExpressions) {
			if r.Operator == metav1.LabelSelectorOpNotIn {
				s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{Key: r.Key, Operator: metav1.LabelSelectorOpExists})
			}
		}
	})
}

func keepExcepts(n int) func(*networkingv1.NetworkPolicy) {
	return eachPeer(func(peer networkingv1.NetworkPolicyPeer) peerList {
		if b := peer.IPBlock; b != nil {
			b.Except = b.Except[:min(n, len(b.Except))]
		}
		return peerList{peer}
	})
}

// withoutBlocks makes the blocks hold nothing whose CIDR has this ending.
func withoutBlocks(ending string) func(*networkingv1.NetworkPolicy) {
	return eachPeer(func(peer networkingv1.NetworkPolicyPeer) peerList {
		if peer.IPBlock != nil && strings.HasSuffix(peer.IPBlock.CIDR, ending) {
			return nil
		}
		return peerList{peer}
	})
}
