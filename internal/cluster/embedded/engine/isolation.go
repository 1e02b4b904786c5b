package engine

import "slices"

// combined is what policies allow a pod together: policies add up.
func (m *modeller) combined(p *pod, d direction, policies []*compiled) *isolation {
	policies = atMost(short, atMost(few, policies, m.faults, ManyPoliciesCut), m.faults, LongPolicyListsCut)
	var allows []allow
	policies = m.heeded(policies)
	for i, c := range policies {
		these := resolved(p, m.ownBlocks(c, d, policies))
		if i > 0 && m.faults.Has(PoliciesIntersect) {
			allows = intersected(allows, these)
		} else {
			allows = append(allows, these...)
		}
	}
	allows = append(allows, m.slips(allows, policies, d)...)
	allows = m.shadowed(allows)
	allows = m.narrowed(allows, policies, d)
	return &isolation{merged(append(allows, m.exempt(p)...))}
}

// resolved is the allows with the pod's own numbers for its named ports.
func resolved(p *pod, allows []allow) []allow {
	out := make([]allow, len(allows))
	for i, a := range allows {
		out[i] = allow{peers: a.peers, ports: a.ports, blocks: a.blocks}
		if len(a.named) > 0 {
			out[i].ports = union(a.ports, numbersOf(p, a.named))
		}
	}
	return out
}

// merged says the same in as few allows as are easily found: first those with the
// same ports become one, then those with the same peers.
func merged(allows []allow) []allow {
	allows = slices.DeleteFunc(allows, func(a allow) bool { return len(a.peers) == 0 || len(a.ports) == 0 })
	allows = grouped(allows,
		func(a, b allow) int { return a.ports.compare(b.ports) },
		func(group []allow) allow { return allow{peers: unionOf(group, allow.peerSet), ports: group[0].ports} })
	return grouped(allows,
		func(a, b allow) int { return a.peers.compare(b.peers) },
		func(group []allow) allow { return allow{peers: group[0].peers, ports: unionOf(group, allow.portSet)} })
}

func (a allow) peerSet() addrSet { return a.peers }
func (a allow) portSet() portSet { return a.ports }

func unionOf[T point[T]](group []allow, part func(allow) spans[T]) spans[T] {
	if len(group) == 1 {
		return part(group[0])
	}
	sets := make([]spans[T], len(group))
	for i, a := range group {
		sets[i] = part(a)
	}
	return union(sets...)
}

// grouped sorts the allows and makes one of all that compare equal.
func grouped(allows []allow, compare func(a, b allow) int, one func([]allow) allow) []allow {
	slices.SortStableFunc(allows, compare)
	var out []allow
	for len(allows) > 0 {
		n := 1
		for n < len(allows) && compare(allows[0], allows[n]) == 0 {
			n++
		}
		out = append(out, one(allows[:n]))
		allows = allows[n:]
	}
	return out
}

// The rest of this file does nothing in an engine without faults.

// exempt is what the engine never denies to the pod.
func (m *modeller) exempt(p *pod) []allow {
	var out []allow
	if m.faults.Has(UDPUnenforced) {
		out = append(out, allow{peers: everyAddr(), ports: portsOf(protocolUDP)})
	}
	if m.faults.Has(IPv6Unenforced) {
		out = append(out, allow{peers: everyIPv6(), ports: everyPort()})
	}
	if m.faults.Has(NodePortsExempt) {
		out = append(out, allow{peers: everyAddr(), ports: portsOfNodes()})
	}
	for _, other := range m.world.pods {
		if other.node == p.node && m.faults.Has(SameNodeUnenforced) ||
			other.node != p.node && m.faults.Has(CrossNodeUnenforced) {
			out = append(out, allow{peers: addrsOf([]*pod{other}), ports: everyPort()})
		}
	}
	return out
}

// narrowed takes away what the engine denies whatever is allowed.
func (m *modeller) narrowed(allows []allow, policies []*compiled, d direction) []allow {
	var peers addrSet
	var ports portSet
	if m.faults.Has(SCTPDroppedAlways) {
		ports = portsOf(protocolSCTP)
	}
	for _, c := range policies {
		if m.faults.Has(ExceptAsDeny) {
			peers = union(peers, c.says[d].excepts)
		}
	}
	for i, a := range allows {
		allows[i].peers, allows[i].ports = a.peers.minus(peers), a.ports.minus(ports)
	}
	return allows
}

// shadowed keeps the blocks of one allow from being seen behind those of another,
// as a longest-prefix lookup would that holds one value per prefix.
func (m *modeller) shadowed(allows []allow) []allow {
	if !m.faults.Has(EqualBlockOverwrites) && !m.faults.Has(NestedBlockShadows) {
		return allows
	}
	out := slices.Clone(allows)
	for i, a := range allows {
		for j, b := range allows {
			if i == j || !a.blocks || !b.blocks {
				continue
			}
			equal := a.peers.compare(b.peers) == 0
			if equal && i < j && m.faults.Has(EqualBlockOverwrites) {
				out[i].peers = nil
			}
			if !equal && m.faults.Has(NestedBlockShadows) && a.peers.covers(b.peers) {
				out[i].peers = out[i].peers.minus(b.peers)
			}
		}
	}
	return out
}

// intersected is what both lists allow.
func intersected(a, b []allow) []allow {
	var out []allow
	for _, x := range a {
		for _, y := range b {
			out = append(out, allow{peers: x.peers.and(y.peers), ports: x.ports.and(y.ports)})
		}
	}
	return out
}
