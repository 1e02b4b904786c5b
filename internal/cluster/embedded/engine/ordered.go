package engine

import (
	"cmp"
	"slices"
	"time"
)

// This file does nothing in an engine without faults: it is about what an engine gets
// wrong by the order, the time or the names of what it sees.

const (
	// wavers is for how long an engine is wrong that errs while it programs.
	wavers = 40 * time.Millisecond
	// deafFor is how long a relabelled pod keeps updates of policies from being heard.
	deafFor = 500 * time.Millisecond
	// dawdles is how late a slow engine programs.
	dawdles = 12 * time.Second
	// lags is how late an engine programs that is late and wrong.
	lags = 600 * time.Millisecond
	// longName is the longest name that does not poison, knownBy what is known of names
	// that collide.
	longName = 63
	knownBy  = 200
)

// heeded are those of the policies of a pod that count.
func (m *modeller) heeded(policies []*compiled) []*compiled {
	if !m.faults.Has(OrderDependent) || len(policies) == 0 {
		return policies
	}
	return []*compiled{slices.MaxFunc(policies, func(a, b *compiled) int { return cmp.Compare(a.created, b.created) })}
}

// ownBlocks is what a policy allows beside the others of a pod.
func (m *modeller) ownBlocks(c *compiled, d direction, policies []*compiled) []allow {
	if !m.faults.Has(LastCIDRWins) {
		return c.says[d].allows
	}
	return slices.DeleteFunc(slices.Clone(c.says[d].allows), func(own allow) bool {
		return own.blocks && slices.ContainsFunc(policies, func(other *compiled) bool {
			return other.created > c.created && slices.ContainsFunc(other.says[d].allows, func(a allow) bool {
				return a.blocks && a.peers.compare(own.peers) == 0
			})
		})
	})
}

// known is the key by which the store knows a policy.
func (s *store) known(k key) key {
	if !s.faults.Has(NameCollision) {
		return k
	}
	together := k.namespace + k.name
	return key{name: together[:min(len(together), knownBy)]}
}

// loses reports whether the update of a policy is lost.
func (s *store) loses(p *policy) bool {
	return s.faults.Has(LostUpdateDuringRelabel) && time.Since(s.relabelled[p.key.namespace]) < deafFor
}

// lossy is an updated policy without its last rule.
func lossy(p *policy) *policy {
	spec := p.spec.DeepCopy()
	spec.Ingress = spec.Ingress[:max(0, len(spec.Ingress)-1)]
	spec.Egress = spec.Egress[:max(0, len(spec.Egress)-1)]
	return &policy{key: p.key, spec: spec}
}

// hasLongName reports whether any policy has a name that poisons.
func (s *store) hasLongName() bool {
	for k := range s.policies {
		if len(k.name) > longName {
			return true
		}
	}
	return false
}

// waver errs for a while, where the engine does after what has changed.
func (l *loop) waver(updated, deleted bool) {
	to := judging
	switch {
	case updated && l.faults.Has(TransientLeakOnUpdate), deleted && l.faults.Has(TransientLeakOnDelete):
		to = ajar
	case updated && l.faults.Has(TransientDropOnUpdate):
		to = shut
	}
	if to == judging {
		return
	}
	l.turn(to)
	<-time.After(wavers)
	l.turn(judging)
}

// rests is how long the engine rests before it programs what it has heard.
func (l *loop) rests() time.Duration {
	if l.faults.Has(Slow) {
		return dawdles
	}
	if l.faults.Has(LateUpdateLosesARule) {
		return lags
	}
	return restBetween - time.Since(l.last)
}
