package engine

import (
	"cmp"
	"net/netip"
	"slices"
)

// point is something that intervals are made of: an address or a port.
type point[T any] interface {
	comparable
	Compare(other T) int
	Next() T
	Prev() T
}

// span is all points from First to Last, both included.
type span[T point[T]] struct{ First, Last T }

// spans is a set of points: sorted, disjoint and never adjacent spans.
type spans[T point[T]] []span[T]

type (
	// addrSet is a set of addresses of both families.
	addrSet = spans[netip.Addr]
	// portSet is a set of ports of all protocols.
	portSet = spans[port]
)

// port is an IP protocol's number and a port's number. A protocol without ports is
// all its numbers.
type port uint32

func newPort(protocol uint8, number uint16) port { return port(protocol)<<16 | port(number) }

func (p port) protocol() uint8        { return uint8(p >> 16) }
func (p port) number() uint16         { return uint16(p) }
func (p port) Compare(other port) int { return cmp.Compare(p, other) }
func (p port) Next() port             { return p + 1 }
func (p port) Prev() port             { return p - 1 }

// everyPort is all ports of all protocols.
func everyPort() portSet { return portSet{{newPort(0, 0), newPort(255, 65535)}} }

// portsOf is all ports of a protocol.
func portsOf(protocol uint8) portSet {
	return portSet{{newPort(protocol, 0), newPort(protocol, 65535)}}
}

// everyIPv4, everyIPv6 and everyAddr are all addresses of a family or of both.
func everyIPv4() addrSet { return addrSet{prefixSpan(netip.PrefixFrom(netip.IPv4Unspecified(), 0))} }
func everyIPv6() addrSet { return addrSet{prefixSpan(netip.PrefixFrom(netip.IPv6Unspecified(), 0))} }
func everyAddr() addrSet { return append(everyIPv4(), everyIPv6()...) }

// oneAddr is the span of a single address.
func oneAddr(a netip.Addr) span[netip.Addr] { return span[netip.Addr]{a, a} }

// prefixSpan is all addresses of a prefix, also of one with host bits set.
func prefixSpan(p netip.Prefix) span[netip.Addr] {
	first := p.Masked().Addr()
	last := first.AsSlice()
	for bit := p.Bits(); bit < first.BitLen(); bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	end, _ := netip.AddrFromSlice(last)
	return span[netip.Addr]{first, end}
}

// union is every point that is in any of the sets. The spans given need not be
// in order, nor disjoint.
func union[T point[T]](sets ...spans[T]) spans[T] {
	all := slices.Concat(sets...)
	slices.SortFunc(all, func(a, b span[T]) int { return a.First.Compare(b.First) })
	var out spans[T]
	for _, s := range all {
		last := len(out) - 1
		if last < 0 || s.First.Compare(out[last].Last) > 0 && s.First != out[last].Last.Next() {
			out = append(out, s)
			continue
		}
		if s.Last.Compare(out[last].Last) > 0 {
			out[last].Last = s.Last
		}
	}
	return out
}

// minus is every point of s that is not in other.
func (s spans[T]) minus(other spans[T]) spans[T] {
	var out spans[T]
	for _, rest := range s {
		from, _ := slices.BinarySearchFunc(other, rest.First, func(o span[T], p T) int { return o.Last.Compare(p) })
		covered := false
		for _, hole := range other[from:] {
			if hole.First.Compare(rest.Last) > 0 {
				break
			}
			if hole.First.Compare(rest.First) > 0 {
				out = append(out, span[T]{rest.First, hole.First.Prev()})
			}
			if hole.Last.Compare(rest.Last) >= 0 {
				covered = true
				break
			}
			rest.First = hole.Last.Next()
		}
		if !covered {
			out = append(out, rest)
		}
	}
	return out
}

// and is every point that is in both sets.
func (s spans[T]) and(other spans[T]) spans[T] { return s.minus(s.minus(other)) }

// covers reports whether every point of other is in s.
func (s spans[T]) covers(other spans[T]) bool { return len(other.minus(s)) == 0 }

// compare orders sets, in whatever way, so that equal ones come together.
func (s spans[T]) compare(other spans[T]) int {
	return slices.CompareFunc(s, other, func(a, b span[T]) int {
		return cmp.Or(a.First.Compare(b.First), a.Last.Compare(b.Last))
	})
}
