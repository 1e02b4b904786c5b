package engine

import (
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
)

// peerSet is whom the peers of a rule stand for.
type peerSet struct {
	addrs   addrSet
	pods    []*pod // those that selectors name; more than once, maybe
	excepts addrSet
	blocks  bool
}

// peers resolves the peers of a rule. No peers at all means everybody.
func (c *compiler) peers(p *policy, list []networkingv1.NetworkPolicyPeer) peerSet {
	if len(list) == 0 {
		return c.everybody()
	}
	if c.faults.Has(FirstPeerOnly) {
		list = list[:1]
	}
	list = atMost(short, list, c.faults, LongPeerListsCut)
	sets := make([]peerSet, 0, len(list))
	for i := range list {
		sets = append(sets, c.peer(p, &list[i]))
	}
	sets = append(sets, c.crossedPeers(p, list)...)
	if c.faults.Has(OrAsAnd) {
		return matchingAll(sets)
	}
	return matchingAny(sets)
}

func (c *compiler) everybody() peerSet {
	if c.faults.Has(MissingPeersAsPods) {
		return c.podPeers(c.world.pods)
	}
	return peerSet{addrs: everyAddr(), pods: c.world.pods}
}

func matchingAny(sets []peerSet) peerSet {
	var out peerSet
	for _, s := range sets {
		out.addrs = append(out.addrs, s.addrs...)
		out.pods = append(out.pods, s.pods...)
		out.excepts = append(out.excepts, s.excepts...)
		out.blocks = out.blocks || s.blocks
	}
	out.addrs, out.excepts = union(out.addrs), union(out.excepts)
	return out
}

func matchingAll(sets []peerSet) peerSet {
	out := matchingAny(sets)
	for _, s := range sets {
		out.addrs = out.addrs.and(s.addrs)
	}
	out.pods = slices.DeleteFunc(out.pods, func(p *pod) bool { return !out.addrs.covers(addrsOf([]*pod{p})) })
	return out
}

func (c *compiler) peer(p *policy, peer *networkingv1.NetworkPolicyPeer) peerSet {
	if peer.IPBlock != nil {
		if p.lost.blocks[peer.IPBlock.CIDR] {
			return peerSet{blocks: true}
		}
		return c.block(peer.IPBlock)
	}
	if c.faults.Has(AllNamespacesAsAnyone) && peer.PodSelector == nil && isEmpty(peer) {
		return c.everybody()
	}
	return c.podPeers(p.kept(c.selectedPeers(p.key.namespace, peer)))
}

func isEmpty(peer *networkingv1.NetworkPolicyPeer) bool {
	s := peer.NamespaceSelector
	return s != nil && len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0
}

func (c *compiler) podPeers(pods []*pod) peerSet {
	pods = ready(grown(pods, c.faults, NewPodClosed), c.faults, UnreadyPeersForgotten)
	set := peerSet{addrs: addrsOf(pods), pods: pods}
	if c.faults.Has(PeerIPv6Forgotten) {
		set.addrs = set.addrs.and(everyIPv4())
	}
	return set
}

// selectedPeers is the pods of a peer with selectors. Both selectors must match;
// without a namespaceSelector it is the policy's own namespace.
func (c *compiler) selectedPeers(own string, peer *networkingv1.NetworkPolicyPeer) []*pod {
	namespaces := newSelector(c.readBefore(peer.NamespaceSelector), c.faults)
	pods := newSelector(c.readBefore(peer.PodSelector), c.faults)
	ofNamespace := func(n *namespace) bool {
		if namespaces == nil {
			return n.name == own || c.faults.Has(PeerNamespaceForgotten)
		}
		return namespaces.matches(n.labels) || c.faults.Has(IgnoreNamespaceSelector)
	}
	isPod := func(p *pod) bool {
		return (pods == nil || pods.matches(p.labels) || c.faults.Has(IgnorePodSelector)) && !c.ignores(p)
	}
	both := c.fewOfEach(c.world.where(c.fewNamespaces(namespaces, ofNamespace), isPod))
	if c.faults.Has(AndAsOr) && namespaces != nil && pods != nil {
		everyPod := func(*pod) bool { return true }
		ownNamespace := func(n *namespace) bool { return n.name == own }
		both = append(both, c.world.where(ofNamespace, everyPod)...)
		both = append(both, c.world.where(ownNamespace, isPod)...)
	}
	return both
}

// block resolves an ipBlock. Its exceptions are taken out of the block only.
func (c *compiler) block(b *networkingv1.IPBlock) peerSet {
	cidr := c.cutShort(c.inBytes(parseBlock(b.CIDR)))
	if !cidr.IsValid() || c.faults.Has(ZeroPrefixIgnored) && cidr.Bits() == 0 {
		return peerSet{blocks: true}
	}
	var excepts addrSet
	for _, text := range b.Except {
		if hole := c.inBytes(parseBlock(text)); hole.IsValid() {
			excepts = append(excepts, prefixSpan(hole))
		}
	}
	switch {
	case c.faults.Has(IgnoreExcept):
		excepts = nil
	case c.faults.Has(SecondExceptIgnored) && len(excepts) > 1:
		excepts = excepts[:1]
	}
	excepts = union(excepts)
	return peerSet{addrs: addrSet{prefixSpan(cidr)}.minus(excepts), excepts: excepts, blocks: true}
}

// parseBlock reads a CIDR; the API has validated it. What cannot be read is an
// invalid prefix, and matches nothing.
func parseBlock(text string) netip.Prefix {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
