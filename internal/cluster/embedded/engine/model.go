package engine

import (
	"maps"
	"slices"
)

// model is what every isolated pod may do.
type model map[key]*podModel

// podModel is what one pod may do. A direction in which it is not isolated is nil.
// Pods that may do the same share the isolation.
type podModel struct {
	pod  *pod
	says [len(directions)]*isolation
}

// isolation is everything that a pod may do in a direction in which it is isolated.
// No two allows have the same peers or the same ports.
type isolation struct{ allows []allow }

// modeller makes models. It remembers what it has resolved, so that a change costs
// what it changes; the models are those that a new modeller would make.
type modeller struct {
	faults    Faults
	endpoints uint64 // of the store that world was made of
	world     *world
	policies  map[*policy]*compiled
	count     uint64 // of policies compiled so far
	shared    map[string]*isolation
}

func newModeller(faults Faults) *modeller {
	return &modeller{faults: faults, policies: map[*policy]*compiled{}, shared: map[string]*isolation{}}
}

// model is the model of what the store holds.
func (m *modeller) model(s *store) model {
	if m.world == nil || m.endpoints != s.endpoints {
		m.world = newWorld(m.faults, s.namespaces, s.pods)
		m.endpoints = s.endpoints
		clear(m.policies)
		clear(m.shared)
	}
	out := model{}
	if m.faults.Has(EnforceNothing) {
		return out
	}
	applied := m.applied(m.compiled(s))
	shared := map[string]*isolation{}
	for i, p := range m.world.pods {
		if says := m.directions(p, applied[i], shared); says[ingress] != nil || says[egress] != nil {
			out[p.key] = &podModel{p, says}
		}
	}
	m.shared = shared
	return out
}

// compiled is every policy of the store, by namespace and name.
func (m *modeller) compiled(s *store) []*compiled {
	c := &compiler{faults: m.faults, world: m.world}
	now := make(map[*policy]*compiled, len(s.policies))
	for _, p := range s.policies {
		if now[p] = m.policies[p]; now[p] == nil {
			m.count++
			now[p] = c.compile(p)
			now[p].id = m.count
		}
	}
	m.policies = now
	return slices.SortedFunc(maps.Values(now), func(a, b *compiled) int { return a.key.compare(b.key) })
}

// isolators are the policies that isolate a pod in each direction.
type isolators [len(directions)][]*compiled

// applied is the isolators of each pod of the world.
func (m *modeller) applied(policies []*compiled) []isolators {
	out := make([]isolators, len(m.world.pods))
	for _, d := range directions {
		for _, c := range policies {
			if c.says[d] == nil || m.ignored(d) {
				continue
			}
			for _, p := range c.pods {
				out[m.world.index[p]][d] = append(out[m.world.index[p]][d], c)
			}
		}
	}
	return out
}

// directions is what a pod may do.
func (m *modeller) directions(p *pod, policies isolators, shared map[string]*isolation) [len(directions)]*isolation {
	var out [len(directions)]*isolation
	for _, d := range directions {
		out[d] = m.isolation(p, d, policies[d], shared)
	}
	if m.faults.Has(DirectionsSwapped) {
		out[ingress], out[egress] = out[egress], out[ingress]
	}
	return out
}

func (m *modeller) ignored(d direction) bool {
	return d == ingress && m.faults.Has(IgnoreIngress) || d == egress && m.faults.Has(IgnoreEgress)
}
