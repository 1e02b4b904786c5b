package engine

import (
	"encoding/binary"
	"fmt"
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

// modeller makes models. It remembers the policies that it has compiled; the models
// are those that a new modeller would make.
type modeller struct {
	faults    Faults
	endpoints uint64 // of the store that world was made of
	world     *world
	policies  map[*policy]*compiled
}

func newModeller(faults Faults) *modeller { return &modeller{faults: faults} }

// model is the model of what the store holds.
func (m *modeller) model(s *store) model {
	if m.world == nil || m.endpoints != s.endpoints {
		m.world = newWorld(m.faults, s.namespaces, s.pods)
		m.endpoints = s.endpoints
		m.policies = nil
	}
	out := model{}
	policies := m.compiled(s)
	for _, d := range directions {
		if m.faults.Has(EnforceNothing) || m.ignores(d) {
			continue
		}
		for k, i := range m.isolations(d, policies) {
			if out[k] == nil {
				out[k] = &podModel{pod: m.world.pods[m.world.index[k]]}
			}
			out[k].says[m.enforcedAs(d)] = i
		}
	}
	return out
}

func (m *modeller) ignores(d direction) bool {
	return d == ingress && m.faults.Has(IgnoreIngress) || d == egress && m.faults.Has(IgnoreEgress)
}

func (m *modeller) enforcedAs(d direction) direction {
	if m.faults.Has(DirectionsSwapped) {
		return ingress + egress - d
	}
	return d
}

// compiled is every policy of the store, by namespace and name.
func (m *modeller) compiled(s *store) []*compiled {
	c := &compiler{faults: m.faults, world: m.world}
	now := make(map[*policy]*compiled, len(s.policies))
	for _, p := range s.policies {
		if now[p] = m.policies[p]; now[p] == nil {
			now[p] = c.compile(p)
		}
	}
	m.policies = now
	return slices.SortedFunc(maps.Values(now), func(a, b *compiled) int { return a.key.compare(b.key) })
}

// isolations is what each pod may do that the policies isolate in a direction.
func (m *modeller) isolations(d direction, policies []*compiled) map[key]*isolation {
	policies = slices.DeleteFunc(slices.Clone(policies), func(c *compiled) bool { return c.says[d] == nil })
	out := map[key]*isolation{}
	alike := map[string]*isolation{}
	for i, mask := range m.masks(policies) {
		if mask == nil {
			continue
		}
		p := m.world.pods[i]
		id := m.identity(p, mask)
		if alike[id] == nil {
			alike[id] = m.combined(p, d, mask.of(policies))
		}
		out[p.key] = alike[id]
	}
	return out
}

// mask has a bit for each policy.
type mask []uint64

func (m mask) has(i int) bool { return m[i/64]&(1<<(i%64)) != 0 }

// of is the policies whose bits are set.
func (m mask) of(policies []*compiled) []*compiled {
	var out []*compiled
	for i, c := range policies {
		if m.has(i) {
			out = append(out, c)
		}
	}
	return out
}

// masks is, for each pod of the world, the policies that select it, nil if none does.
func (m *modeller) masks(policies []*compiled) []mask {
	out := make([]mask, len(m.world.pods))
	for i, c := range policies {
		for _, p := range c.pods {
			if out[p] == nil {
				out[p] = make(mask, (len(policies)+63)/64)
			} else if m.faults.Has(FirstPolicyOnly) {
				continue
			}
			out[p][i/64] |= 1 << (i % 64)
		}
	}
	return out
}

// identity is equal for pods that may do the same.
func (m *modeller) identity(p *pod, policies mask) string {
	var id []byte
	for _, word := range policies {
		id = binary.BigEndian.AppendUint64(id, word)
	}
	for _, cp := range p.ports {
		id = fmt.Appendf(id, " %s=%d", cp.name, cp.port)
	}
	if m.faults.Has(SameNodeUnenforced) || m.faults.Has(CrossNodeUnenforced) {
		id = fmt.Appendf(id, " on %s", p.node)
	}
	return string(id)
}
