package mutation

import (
	"net/netip"
	"slices"
	"strings"
)

func isIPv6(b block) bool    { return strings.Contains(b.CIDR, ":") }
func hasExcept(b block) bool { return len(b.Except) > 0 }

// isEverything reports whether a block is all addresses of its family.
func isEverything(b block) bool { return strings.HasSuffix(b.CIDR, "/0") }

// isOne reports whether a CIDR is one address.
func isOne(cidr string) bool {
	return strings.HasSuffix(cidr, "/128") || strings.HasSuffix(cidr, "/32") && !strings.Contains(cidr, ":")
}

// blocks matches peers that are blocks, of some kind.
func blocks(match ...func(block) bool) func(peer) bool {
	return func(p peer) bool {
		return isBlock(p) && all(match, func(m func(block) bool) bool { return m(*p.IPBlock) })
	}
}

func blockOps() []ruleOp {
	isIPv4 := func(b block) bool { return !isIPv6(b) }
	return []ruleOp{
		{"first-block-only", "only the first block of a rule counts", eachRule(keepFirstBlock)},
		{"ipv4-dropped", "IPv4 blocks admit nobody", dropPeers(blocks(isIPv4))},
		{"ipv6-dropped", "IPv6 blocks admit nobody", dropPeers(blocks(isIPv6))},
		{"ipv6-ignored-beside-ipv4", "in a rule with IPv4 blocks, IPv6 blocks do not count", eachRule(func(r *rule) {
			if slices.ContainsFunc(r.peers, blocks(isIPv4)) {
				r.peers = slices.DeleteFunc(r.peers, blocks(isIPv6))
			}
		})},
		{"everything-dropped", "the block of all addresses admits nobody", dropPeers(blocks(isEverything))},
		{"everything-of-ipv6-dropped", "the block of all IPv6 addresses admits nobody", dropPeers(blocks(isEverything, isIPv6))},
		{"everything-with-except-dropped", "the block of all addresses with an except admits nobody", dropPeers(blocks(isEverything, hasExcept))},
		{"one-address-dropped", "a block of one address admits nobody", dropPeers(blocks(func(b block) bool { return isOne(b.CIDR) }))},
		{"longer-than-24-as-24", "an IPv4 block that is smaller than a /24 is the /24, without its excepts", eachBlock(widen)},
		{"block-with-except-dropped", "a block with an except admits nobody", dropPeers(blocks(hasExcept))},
		{"except-ignored", "excepts do not count", eachBlock(func(b *block) { b.Except = nil })},
		{"except-of-ipv6-ignored", "excepts of IPv6 blocks do not count", eachBlock(func(b *block) {
			if isIPv6(*b) {
				b.Except = nil
			}
		})},
		{"except-of-everything-ignored", "excepts of the block of all addresses do not count", eachBlock(func(b *block) {
			if isEverything(*b) {
				b.Except = nil
			}
		})},
		{"except-of-one-address-ignored", "excepts of one address do not count", eachBlock(func(b *block) { b.Except = slices.DeleteFunc(b.Except, isOne) })},
		{"first-except-only", "only the first except of a block counts", eachBlock(func(b *block) { b.Except = first(b.Except, 1) })},
		{"last-except-only", "only the last except of a block counts", eachBlock(func(b *block) { b.Except = last(b.Except, 1) })},
		{"except-ignored-beside-ports", "excepts in a rule with ports do not count", ignoreExcepts(func(r rule) bool { return len(r.ports) > 0 })},
		{"except-ignored-beside-peers", "excepts in a rule with several peers do not count", ignoreExcepts(func(r rule) bool { return len(r.peers) > 1 })},
	}
}

func eachBlock(change func(*block)) edit {
	return eachPeer(isBlock, func(p *peer) { change(p.IPBlock) })
}

func keepFirstBlock(r *rule) {
	n := 0
	r.peers = slices.DeleteFunc(r.peers, func(p peer) bool {
		if isBlock(p) {
			n++
		}
		return isBlock(p) && n > 1
	})
}

func ignoreExcepts(match func(rule) bool) edit {
	return eachRule(func(r *rule) {
		for i := range r.peers {
			if isBlock(r.peers[i]) && match(*r) {
				r.peers[i].IPBlock.Except = nil
			}
		}
	})
}

func widen(b *block) {
	p, err := netip.ParsePrefix(b.CIDR)
	if err != nil || p.Addr().Is6() || p.Bits() <= 24 {
		return
	}
	*b = block{CIDR: netip.PrefixFrom(p.Addr(), 24).Masked().String()}
}
