package embedded

import (
	"net"
	"net/netip"
	"sync"
)

// The cluster's addresses. They exist only inside its own namespaces. None is in a
// range that is reserved for documentation: scenarios name those as strangers.
//
//nolint:gochecknoglobals // a constant table
var (
	podCIDRs      = []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("fd00:10:244::/48")}
	serviceCIDRs  = []netip.Prefix{netip.MustParsePrefix("10.96.0.0/16"), netip.MustParsePrefix("fd00:10:96::/112")}
	nodeCIDRs     = []netip.Prefix{netip.MustParsePrefix("172.31.100.0/24"), netip.MustParsePrefix("fd00:172:31:100::/64")}
	externalCIDRs = []netip.Prefix{netip.MustParsePrefix("172.30.100.0/24"), netip.MustParsePrefix("fd00:172:30:100::/64")}

	// The gateway of every pod is a neighbour entry, not an address: see pod.go.
	gateways = []netip.Addr{netip.MustParseAddr("169.254.1.1"), netip.MustParseAddr("fe80::1")}
	// nodeMAC is the node's end of every pod's link.
	nodeMAC = net.HardwareAddr{0xee, 0xee, 0xee, 0xee, 0xee, 0xee}
)

// families cuts a list that has an IPv4 and an IPv6 element down to the families
// that the kernel speaks.
func families[T any](dual []T, ipv6 bool) []T {
	if ipv6 {
		return dual
	}
	return dual[:1]
}

// nodePodCIDRs are the ranges of the pods of node n, counted from 1. There are 254
// addresses in each, so that one that was given back is given out again before long.
func nodePodCIDRs(n int) []netip.Prefix {
	four, six := podCIDRs[0].Addr().As4(), podCIDRs[1].Addr().As16()
	four[2], six[7] = byte(n), byte(n)
	return []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4(four), 24),
		netip.PrefixFrom(netip.AddrFrom16(six), 64),
	}
}

// nth is the nth address of a range; n must be below 65536.
func nth(p netip.Prefix, n int) netip.Addr {
	raw := p.Addr().AsSlice()
	last := len(raw) - 1
	raw[last-1] += byte(n >> 8)
	raw[last] += byte(n)
	addr, _ := netip.AddrFromSlice(raw)
	return addr
}

// every is the nth address of each of the ranges.
func every(cidrs []netip.Prefix, n int) []netip.Addr {
	addrs := make([]netip.Addr, len(cidrs))
	for i, p := range cidrs {
		addrs[i] = nth(p, n)
	}
	return addrs
}

// host is the prefix that holds nothing but the address.
func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// podMAC is derived from the pod's IPv4 address, as CNI plugins do.
func podMAC(ip netip.Addr) net.HardwareAddr {
	return append(net.HardwareAddr{0x0a, 0x58}, ip.AsSlice()...)
}

// ordinals hands out the numbers 1 to last, as host-local does: the next one above the
// last that was taken, and round again from 1, whichever is free.
type ordinals struct {
	mu    sync.Mutex
	last  int
	taken map[int]bool
	next  int // less one
}

func newOrdinals(last int) *ordinals { return &ordinals{last: last, taken: map[int]bool{}} }

func (o *ordinals) take() (int, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for range o.last {
		n := o.next + 1
		o.next = n % o.last
		if !o.taken[n] {
			o.taken[n] = true
			return n, true
		}
	}
	return 0, false
}

func (o *ordinals) give(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.taken, n)
}
