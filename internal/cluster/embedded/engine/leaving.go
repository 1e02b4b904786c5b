package engine

import "slices"

// What faulty engines make of a pod that is being deleted and goes on for its grace
// period. Nothing here does anything in an engine without faults.

// left notes how many policies there had been when the pod was told to stop.
func (s *store) left(old, now *pod) {
	switch {
	case !now.leaving || !s.faults.Has(LateMissesTerminating):
	case old != nil && old.leaving:
		now.leftAt = old.leftAt
	default:
		now.leftAt = s.created
	}
}

// remembered leaves out the pods that an engine with a fault does not look after any more.
func (c *compiler) remembered(p *policy, pods []*pod) []*pod {
	forgets, misses := c.faults.Has(ForgetsTerminatingPods), c.faults.Has(LateMissesTerminating)
	if !forgets && !misses {
		return pods
	}
	return slices.DeleteFunc(slices.Clone(pods), func(o *pod) bool {
		return o.leaving && (forgets || p.created > o.leftAt)
	})
}
