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

func peerTexts(p *policy) []string {
	var list []string
	for _, r := range rulesOf(p) {
		for _, peer := range r.peers {
			list = append(list, text(peer))
		}
	}
	return list
}

func cidrs(p *policy) []string {
	var list []string
	for _, r := range rulesOf(p) {
		for _, peer := range r.peers {
			if isBlock(peer) {
				list = append(list, peer.IPBlock.CIDR)
			}
		}
	}
	return list
}

func portNames(p *policy) []string {
	var list []string
	for _, r := range rulesOf(p) {
		for _, port := range r.ports {
			if isNamed(port) {
				list = append(list, port.Port.StrVal)
			}
		}
	}
	return list
}
