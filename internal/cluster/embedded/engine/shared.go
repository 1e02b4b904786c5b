package engine

import (
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
)

// What faulty engines lose that several have in common. Nothing here does anything in an
// engine without faults.

// losses is what a policy has lost to others, until it changes.
type losses struct {
	pods   map[key]bool    // as peers
	blocks map[string]bool // by CIDR
}

// letGo has policies lose a pod that one peer of a rule matches no more and another one does
// still, until it is relabelled again.
func (s *store) letGo(old, now *pod) {
	if !s.faults.Has(PeersLetGoTogether) || maps.Equal(old.labels, now.labels) {
		return
	}
	for _, p := range s.policies {
		delete(p.lost.pods, now.key)
		for _, d := range directions {
			for _, r := range rulesOf(p.spec, d) {
				if s.leaves(p, r.peers, old, now) {
					p.lost.pods = both(p.lost.pods, map[key]bool{now.key: true})
				}
			}
		}
	}
}

// leaves reports whether one of the peers matches the pod no more, and another still.
func (s *store) leaves(p *policy, peers []networkingv1.NetworkPolicyPeer, old, now *pod) bool {
	left, stays := false, false
	for i := range peers {
		was, is := s.isPeer(p, &peers[i], old), s.isPeer(p, &peers[i], now)
		left, stays = left || was && !is, stays || was && is
	}
	return left && stays
}

func (s *store) isPeer(p *policy, peer *networkingv1.NetworkPolicyPeer, of *pod) bool {
	if peer.IPBlock != nil {
		return false
	}
	inNamespace := of.key.namespace == p.key.namespace
	if peer.NamespaceSelector != nil {
		inNamespace = newSelector(peer.NamespaceSelector, s.faults).matches(s.namespaces[of.key.namespace])
	}
	return inNamespace && (peer.PodSelector == nil || newSelector(peer.PodSelector, s.faults).matches(of.labels))
}

// giveUp has other policies lose the blocks that a policy had, but for those that it has still.
func (s *store) giveUp(had, has *policy) {
	if !s.faults.Has(SharedBlocksGivenUp) || had == nil {
		return
	}
	gone := blocksOf(had.spec)
	if has != nil {
		still := blocksOf(has.spec)
		maps.DeleteFunc(gone, func(cidr string, _ bool) bool { return still[cidr] })
	}
	for k, p := range s.policies {
		if p.key != had.key {
			poorer := *p // what was compiled of the old one holds no more
			poorer.lost.blocks = both(p.lost.blocks, gone)
			s.policies[k] = &poorer
		}
	}
}

func both[K comparable](a, b map[K]bool) map[K]bool {
	all := map[K]bool{}
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

// blocksOf is the CIDRs of all blocks of a policy.
func blocksOf(spec *networkingv1.NetworkPolicySpec) map[string]bool {
	all := map[string]bool{}
	for _, d := range directions {
		for _, r := range rulesOf(spec, d) {
			for _, peer := range r.peers {
				if peer.IPBlock != nil {
					all[peer.IPBlock.CIDR] = true
				}
			}
		}
	}
	return all
}

// kept is the pods that a policy has not lost.
func (p *policy) kept(pods []*pod) []*pod {
	return slices.DeleteFunc(pods, func(one *pod) bool { return p.lost.pods[one.key] })
}
