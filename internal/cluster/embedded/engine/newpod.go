package engine

import (
	"slices"
	"time"
)

// What faulty engines make of a pod that is new. Nothing here does anything in an
// engine without faults.

const (
	openFor   = 400 * time.Millisecond
	closedFor = 7 * time.Second
	ageEvery  = 20 * time.Millisecond
)

// youth is how long the engine takes a pod for new; 0 where it makes no difference.
func (f Faults) youth() time.Duration {
	switch {
	case f.Has(NewPodClosed):
		return closedFor
	case f.Has(NewPodOpen):
		return openFor
	}
	return 0
}

// born notes when the pod was first seen with an address.
func (s *store) born(old, now *pod) {
	switch {
	case s.faults.youth() == 0 || len(now.addrs) == 0 || len(s.policies) == 0: // there is nothing to be late for
	case old != nil && len(old.addrs) > 0:
		now.born = old.born
	default:
		now.born = time.Now()
	}
}

// age makes pods old that were new, and reports whether there were any.
func (s *store) age(now time.Time) bool {
	grew := false
	for k, p := range s.pods {
		if !p.born.IsZero() && now.Sub(p.born) > s.faults.youth() {
			old := *p
			old.born = time.Time{}
			s.pods[k], grew = &old, true
		}
	}
	return s.endpointChanged(grew)
}

// ages ticks when pods or rules may have become old, or never.
func (l *loop) ages() *time.Ticker {
	t := time.NewTicker(ageEvery)
	if l.faults.youth() == 0 && !l.faults.goByTheClock() {
		t.Stop()
	}
	return t
}

// grown leaves out the pods that are new to an engine with the fault.
func grown(pods []*pod, faults Faults, f Fault) []*pod {
	if !faults.Has(f) {
		return pods
	}
	return slices.DeleteFunc(slices.Clone(pods), func(p *pod) bool { return !p.born.IsZero() })
}
