package mutation

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func isBlock(p peer) bool    { return p.IPBlock != nil }
func isSelector(p peer) bool { return p.IPBlock == nil }

// hasBoth reports whether a peer has both selectors.
func hasBoth(p peer) bool { return p.NamespaceSelector != nil && p.PodSelector != nil }

// onlyPods reports whether a peer is pods of the policy's own namespace.
func onlyPods(p peer) bool { return p.NamespaceSelector == nil && p.PodSelector != nil }

func hasNamespaces(p peer) bool { return p.NamespaceSelector != nil }

func peerOps() []ruleOp {
	return []ruleOp{
		{"first-peer-only", "only the first peer of a rule counts", eachRule(func(r *rule) { r.peers = first(r.peers, 1) })},
		{"last-peer-only", "only the last peer of a rule counts", eachRule(func(r *rule) { r.peers = last(r.peers, 1) })},
		{"third-peer-dropped", "peers of a rule after the second do not count", eachRule(func(r *rule) { r.peers = first(r.peers, 2) })},
		{"blocks-only-if-any", "in a rule with blocks, peers with selectors do not count", onlyIfAny(isBlock)},
		{"selectors-only-if-any", "in a rule with peers with selectors, blocks do not count", onlyIfAny(isSelector)},
		{"own-namespace-added", "a peer with both selectors also admits pods of the policy's own namespace that its podSelector matches", eachRule(addOwnNamespace)},
		{"own-namespace-left-out", "a namespaceSelector does not match the policy's own namespace", leaveOutOwnNamespace},
		{"pod-selector-everywhere", "a podSelector alone matches pods of all namespaces", eachPeer(onlyPods, toEverywhere)},
		{"empty-pod-selector-everywhere", "an empty podSelector alone matches pods of all namespaces", eachPeer(func(p peer) bool {
			return onlyPods(p) && empty(*p.PodSelector)
		}, toEverywhere)},
		{"empty-namespace-selector-own", "an empty namespaceSelector matches the policy's own namespace only", eachPeer(func(p peer) bool {
			return hasNamespaces(p) && empty(*p.NamespaceSelector)
		}, toOwnNamespace)},
		{"empty-pod-selector-beside-namespaces-dropped", "a peer whose podSelector is empty beside a namespaceSelector admits nobody", dropPeers(func(p peer) bool {
			return hasBoth(p) && empty(*p.PodSelector)
		})},
		{"equal-namespaces-first-pods", "of peers with equal namespaceSelectors all have the podSelector of the first", eachRule(mergeByNamespaces)},
		{"equal-pods-first-namespaces", "of peers with equal podSelectors all have the namespaceSelector of the first", eachRule(mergeByPods)},
		{"selectors-of-peers-crossed", "every namespaceSelector of a rule's peers goes with every podSelector of those that have both", eachRule(crossSelectors)},
	}
}

func eachPeer(match func(peer) bool, change func(*peer)) edit {
	return changeEach(peersOfRule, match, change)
}
func dropPeers(match func(peer) bool) edit { return dropFrom(peersOfRule, match) }
func onlyIfAny(match func(peer) bool) edit { return keepIfAny(peersOfRule, match) }

func toEverywhere(p *peer) { p.NamespaceSelector = &metav1.LabelSelector{} }

func toOwnNamespace(p *peer) {
	p.NamespaceSelector = nil
	if p.PodSelector == nil {
		p.PodSelector = &metav1.LabelSelector{}
	}
}

func addOwnNamespace(r *rule) {
	for _, p := range r.peers {
		if hasBoth(p) {
			r.peers = append(r.peers, peer{PodSelector: p.PodSelector})
		}
	}
}

func leaveOutOwnNamespace(namespace string, list []rule) []rule {
	return eachPeer(hasNamespaces, func(p *peer) {
		s := p.NamespaceSelector
		s.MatchExpressions = append(s.MatchExpressions, requirement{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: []string{namespace}})
	})(namespace, list)
}

func mergeByNamespaces(r *rule) { merge(r, namespaceSelectorOf, podSelectorOf) }
func mergeByPods(r *rule)       { merge(r, podSelectorOf, namespaceSelectorOf) }

func podSelectorOf(p *peer) **selector       { return &p.PodSelector }
func namespaceSelectorOf(p *peer) **selector { return &p.NamespaceSelector }

// merge gives peers with both selectors that are equal in the one the same other.
func merge(r *rule, by, other func(*peer) **selector) {
	seen := map[string]*selector{}
	for i := range r.peers {
		p := &r.peers[i]
		if !hasBoth(*p) {
			continue
		}
		key := text(requirements(**by(p)))
		if seen[key] == nil {
			seen[key] = *other(p)
		}
		*other(p) = seen[key]
	}
}

func crossSelectors(r *rule) {
	var more []peer
	for i, p := range r.peers {
		for j, q := range r.peers {
			if i != j && hasNamespaces(p) && hasBoth(q) {
				more = append(more, peer{NamespaceSelector: p.NamespaceSelector, PodSelector: q.PodSelector})
			}
		}
	}
	r.peers = append(r.peers, more...)
}

func first[T any](list []T, n int) []T { return list[:min(n, len(list))] }

func last[T any](list []T, n int) []T { return list[max(0, len(list)-n):] }
