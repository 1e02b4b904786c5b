package engine

import (
	"net/netip"
	"slices"
)

// What faulty engines make of an address that a completed pod has left to another.
// Nothing here does anything in an engine without faults.

// takenFor makes the pod who it is taken for: the one that had its address when that
// one completed.
func (s *store) takenFor(p *pod) {
	if !s.faults.Has(IPReuseStale) {
		return
	}
	for _, a := range p.had {
		if old := s.pods[p.key]; old != nil && len(old.addrs) > 0 {
			s.firstOf[a] = old
		}
	}
	for _, a := range p.addrs {
		if first := s.firstOf[a]; first != nil && first.key != p.key {
			p.labels, p.as = first.labels, first.key.namespace
		}
	}
}

// deletedLate forgets the addresses of a pod that has completed.
func (s *store) deletedLate(p *pod) {
	if !s.faults.Has(LateDeleteBreaksNewPod) {
		return
	}
	for k, other := range s.pods {
		if slices.ContainsFunc(other.addrs, func(a netip.Addr) bool { return slices.Contains(p.had, a) }) {
			without := *other
			without.addrs = nil
			s.pods[k] = &without
		}
	}
}
