package scenario

import (
	"encoding/binary"
	"net/netip"

	"github.com/cniproof/cniproof/internal/flow"
)

// kubeSystem is the one namespace that a scenario may name without deploying it.
const kubeSystem = "kube-system"

// Symbolic invents a cluster of both families for a topology, so that what follows
// from its policies can be said without one. Namespaces keep their names, and every
// address is one that documentation may use.
func Symbolic(t Topology) Binding {
	b := Binding{
		Namespaces: map[string]string{kubeSystem: kubeSystem},
		Addresses:  map[flow.Endpoint][]netip.Addr{},
		PodCIDRs: []netip.Prefix{
			netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 244}), 16),
			netip.PrefixFrom(six(0xfd00, 0x10, 0x244, 0, 0), 48),
		},
		ExternalCIDRs: []netip.Prefix{
			netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2}), 24),
			netip.PrefixFrom(six(0x2001, 0xdb8, 0, 0, 0), 64),
		},
	}
	for _, ns := range t.Namespaces {
		b.Namespaces[ns.Name] = ns.Name
	}
	onNode := map[int]int{}
	for _, p := range t.Pods {
		onNode[p.Node]++
		node, host := p.Node, onNode[p.Node]+1 // the first address is the node's own
		b.Addresses[p.Endpoint()] = pair([4]byte{10, 244, byte(node), byte(host)}, six(0xfd00, 0x10, 0x244, node, host))
	}
	for n := 1; n <= t.External.Hosts; n++ {
		b.Addresses[flow.External(n)] = pair([4]byte{192, 0, 2, byte(n)}, six(0x2001, 0xdb8, 0, 0, n))
	}
	for n := 1; n <= t.NodeCount(); n++ {
		b.Addresses[flow.Node(n)] = pair([4]byte{198, 51, 100, byte(n)}, six(0x2001, 0xdb8, 0x100, 0, n))
	}
	return b
}

func pair(v4 [4]byte, v6 netip.Addr) []netip.Addr {
	return []netip.Addr{netip.AddrFrom4(v4), v6}
}

// six is the address a:b:c:d::e.
func six(a, b, c, d, e int) netip.Addr {
	var bytes [16]byte
	for i, part := range []int{a, b, c, d} {
		binary.BigEndian.PutUint16(bytes[2*i:], uint16(part))
	}
	binary.BigEndian.PutUint16(bytes[14:], uint16(e))
	return netip.AddrFrom16(bytes)
}
