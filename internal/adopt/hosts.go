package adopt

import (
	"fmt"
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
)

// block is an ipBlock, read.
type block struct {
	cidr   netip.Prefix
	except []netip.Prefix
}

func readBlock(b *networkingv1.IPBlock) block {
	made := block{cidr: prefix(b.CIDR)}
	for _, text := range b.Except {
		made.except = append(made.except, prefix(text))
	}
	return made
}

// prefix reads a CIDR that an API server has let pass.
func prefix(text string) netip.Prefix {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}
	}
	return p.Masked()
}

func (b block) family() flow.Family { return flow.FamilyOf(b.cidr.Addr()) }
func (b block) everything() bool    { return b.cidr.IsValid() && b.cidr.Bits() == 0 }

func (b block) holds(a netip.Addr) bool {
	return b.cidr.Contains(a) && !slices.ContainsFunc(b.except, func(e netip.Prefix) bool { return e.Contains(a) })
}

// nothing reports whether the exceptions leave no address.
func (b block) nothing() bool {
	for a := b.cidr.Addr(); a.IsValid() && b.cidr.Contains(a); {
		n := slices.IndexFunc(b.except, func(e netip.Prefix) bool { return e.Contains(a) })
		if n < 0 {
			return false
		}
		a = last(b.except[n]).Next()
	}
	return true
}

// survey chooses hosts outside the cluster: each stands for an address that some
// blocks hold and others do not, so that every block has one on either side of it.
func (i *importer) survey() {
	i.dns = i.isolatesEgress()
	blocks := i.blocks()
	if len(blocks) == 0 || i.options.Hosts < 1 {
		return
	}
	for _, family := range []flow.Family{flow.IPv4, flow.IPv6} {
		own := slices.DeleteFunc(slices.Clone(blocks), func(b block) bool { return b.family() != family })
		if len(own) == 0 || family == flow.IPv6 && !i.options.IPv6 {
			continue
		}
		for n, a := range i.samples(own, family) {
			if n >= i.options.Hosts {
				i.note("addresses outside like %s are not tried: the scenario uses %s outside, and those stand for others (see --external-hosts)", a, plural(i.options.Hosts, "host"))
				continue
			}
			for len(i.hosts) <= n {
				i.hosts = append(i.hosts, map[flow.Family]netip.Addr{})
			}
			i.hosts[n][family] = a
		}
	}
	if len(i.hosts) == 0 {
		i.hosts = []map[flow.Family]netip.Addr{{}} // for blocks that hold everything
	}
	i.hostPorts = i.portsOutside()
}

func (i *importer) isolatesEgress() bool {
	return slices.ContainsFunc(i.policies, func(p *networkingv1.NetworkPolicy) bool {
		return slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	})
}

func (i *importer) blocks() []block {
	var list []block
	for _, p := range i.policies {
		eachPeer(p, func(peer *networkingv1.NetworkPolicyPeer) {
			if peer.IPBlock != nil {
				list = append(list, readBlock(peer.IPBlock))
			}
		})
	}
	return list
}

// samples are addresses outside, no two of which the same blocks hold: first one of
// each block, then one of none, then those that are excepted.
func (i *importer) samples(blocks []block, family flow.Family) []netip.Addr {
	var list []netip.Addr
	seen := map[string]bool{}
	add := func(a netip.Addr, ok bool) {
		if !ok || i.inside(a) {
			return
		}
		var signature []bool
		for _, b := range blocks {
			signature = append(signature, b.holds(a))
		}
		if key := fmt.Sprint(signature); !seen[key] {
			seen[key] = true
			list = append(list, a)
		}
	}
	for _, b := range blocks {
		if !b.everything() {
			a, ok := i.heldBy(b)
			add(a, ok)
		}
	}
	add(elsewhere(blocks, family))
	for _, b := range blocks {
		for _, e := range b.except {
			a, ok := i.heldBy(block{cidr: e})
			add(a, ok)
		}
	}
	return list
}

// heldBy is an address outside that the block holds: its first, or the first after
// one of its exceptions.
func (i *importer) heldBy(b block) (netip.Addr, bool) {
	candidates := []netip.Addr{b.cidr.Addr()}
	if b.cidr.Bits() < b.cidr.Addr().BitLen()-1 {
		candidates = []netip.Addr{b.cidr.Addr().Next(), b.cidr.Addr()}
	}
	for _, e := range b.except {
		candidates = append(candidates, last(e).Next())
	}
	for _, r := range i.ranges {
		candidates = append(candidates, last(r).Next())
	}
	for _, a := range candidates {
		if a.IsValid() && b.holds(a) && !i.inside(a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// last is the highest address of a range.
func last(p netip.Prefix) netip.Addr {
	raw := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(raw); bit++ {
		raw[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}

// elsewhere is an address that no block names but one that holds everything.
func elsewhere(blocks []block, family flow.Family) (netip.Addr, bool) {
	candidates := []string{"198.51.100.1", "203.0.113.1", "192.0.2.1", "8.8.8.8", "1.1.1.1"}
	if family == flow.IPv6 {
		candidates = []string{"2001:db8:1::1", "2001:db8:2::1", "2600::1", "2a00::1"}
	}
	for _, text := range candidates {
		a := netip.MustParseAddr(text)
		named := slices.ContainsFunc(blocks, func(b block) bool {
			excepted := slices.ContainsFunc(b.except, func(e netip.Prefix) bool { return e.Contains(a) })
			return excepted || !b.everything() && b.cidr.Contains(a)
		})
		if !named {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// inside reports whether an address is known to be the cluster's own.
func (i *importer) inside(a netip.Addr) bool {
	holds := func(p netip.Prefix) bool { return p.Contains(a) }
	return slices.ContainsFunc(i.ranges, holds) || slices.ContainsFunc(i.probes, func(p Probe) bool {
		return slices.Contains(p.addresses(), a)
	})
}

// portsOutside are what rules open towards addresses outside, and one that none opens.
func (i *importer) portsOutside() []flow.Port {
	p := i.newPorts()
	var list []flow.Port
	for _, policy := range i.policies {
		eachRule(policy, func(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort, ingress bool) {
			outside := len(peers) == 0 || slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool { return p.IPBlock != nil })
			if ingress || !outside {
				return
			}
			for _, port := range ports {
				list = append(list, edges(port)...)
				list = append(list, p.decoys()...)
			}
		})
	}
	if len(list) == 0 {
		list = []flow.Port{{Number: 443, Protocol: flow.TCP}}
	}
	return p.tidy(Workload{Kind: "hosts", Namespace: "outside"}, list)
}
