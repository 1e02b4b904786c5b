package engine

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func addrsFrom(i int) []netip.Addr {
	return []netip.Addr{netip.AddrFrom4([4]byte{10, 9, byte(i / 256), byte(i)})}
}

// smallPorts is a set of the ports 0 to 63 as bits, and the spans that it was made of.
func smallPorts(t *rapid.T, name string) (uint64, spans[port]) {
	var bits uint64
	var list spans[port]
	for range rapid.IntRange(0, 6).Draw(t, name+" spans") {
		first := rapid.IntRange(0, 63).Draw(t, name+" first")
		last := rapid.IntRange(first, 63).Draw(t, name+" last")
		list = append(list, span[port]{port(first), port(last)})
		for i := first; i <= last; i++ {
			bits |= 1 << i
		}
	}
	return bits, union(list)
}

func bitsOf(t *rapid.T, s spans[port]) uint64 {
	var bits uint64
	for i, part := range s {
		if part.First > part.Last || i > 0 && part.First <= s[i-1].Last+1 {
			t.Fatalf("not sorted, disjoint and apart: %v", s)
		}
		for p := part.First; p <= part.Last; p++ {
			bits |= 1 << p
		}
	}
	return bits
}

func TestSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, setA := smallPorts(t, "a")
		b, setB := smallPorts(t, "b")
		for name, pair := range map[string][2]uint64{
			"union": {a | b, bitsOf(t, union(setA, setB))},
			"minus": {a &^ b, bitsOf(t, setA.minus(setB))},
			"and":   {a & b, bitsOf(t, setA.and(setB))},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%v %s %v: got %b, want %b", setA, name, setB, pair[1], pair[0])
			}
		}
		if setA.covers(setB) != (b&^a == 0) {
			t.Errorf("%v covers %v: %t", setA, setB, setA.covers(setB))
		}
	})
}

func TestAddressSpans(t *testing.T) {
	block := func(text string) addrSet { return addrSet{prefixSpan(netip.MustParsePrefix(text))} }
	for _, c := range []struct {
		name string
		set  addrSet
		want string
	}{
		{"host bits", block("10.1.2.3/16"), "{ 10.1.0.0-10.1.255.255 } "},
		{"everything but one", everyIPv4().minus(block("0.0.0.0/32")), "{ 0.0.0.1-255.255.255.255 } "},
		{"the last address", everyIPv4().minus(block("255.255.255.255/32")), "{ 0.0.0.0-255.255.255.254 } "},
		{"families stay apart", union(everyIPv4(), everyIPv6()), "{ 0.0.0.0-255.255.255.255, ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff } "},
		{"adjacent blocks", union(block("10.0.0.0/25"), block("10.0.0.128/25")), "{ 10.0.0.0-10.0.0.255 } "},
		{"nested blocks", union(block("10.0.0.0/8"), block("10.1.0.0/16")), "{ 10.0.0.0-10.255.255.255 } "},
		{"mapped addresses are IPv6", block("::ffff:0:0/96"), "{ ::ffff:0.0.0.0-::ffff:255.255.255.255 } "},
	} {
		if diff := cmp.Diff(c.want, string(appendSet(nil, c.set, appendAddr))); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
}
