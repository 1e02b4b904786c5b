package mutation

import (
	"slices"
	"strings"
)

func sameNamespace(p, q *policy) bool { return p.Namespace == q.Namespace }

func sameSubject(p, q *policy) bool {
	return sameNamespace(p, q) && text(requirements(p.Spec.PodSelector)) == text(requirements(q.Spec.PodSelector))
}

func beginsWith(p, q *policy) bool { return sameNamespace(p, q) && strings.HasPrefix(q.Name, p.Name) }

func share(a, b []string) bool {
	return slices.ContainsFunc(a, func(one string) bool { return slices.Contains(b, one) })
}

// itemsOf is what there is of all peers, or ports, of a policy.
func itemsOf[T any](p *policy, of func(*rule) *[]T) []T {
	var list []T
	for _, r := range rulesOf(p) {
		list = append(list, *of(&r)...)
	}
	return list
}

func peerTexts(p *policy) []string {
	var list []string
	for _, peer := range itemsOf(p, peersOfRule) {
		list = append(list, text(peer))
	}
	return list
}

func cidrs(p *policy) []string {
	var list []string
	for _, peer := range itemsOf(p, peersOfRule) {
		if isBlock(peer) {
			list = append(list, peer.IPBlock.CIDR)
		}
	}
	return list
}

func portNames(p *policy) []string {
	var list []string
	for _, port := range itemsOf(p, portsOfRule) {
		if isNamed(port) {
			list = append(list, port.Port.StrVal)
		}
	}
	return list
}
