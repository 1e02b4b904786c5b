package engine

import (
	"net/netip"
	"strconv"
)

// chainRule accepts packets.
type chainRule struct {
	direction direction
	family    family
	peers     addrSet // of the family
	protocol  uint8   // 0: every one
	ports     portSet // of the protocol
	// serviceSide compares the port that the source dialled.
	serviceSide bool
	// small accepts UDP in packets of one frame only.
	small bool
	// large accepts UDP in packets of several frames only.
	large bool
	text  string // words()
}

// family is an IP family.
type family uint8

const (
	ipv4 family = iota
	ipv6
)

//nolint:gochecknoglobals // constant table
var families = [...]family{ipv4, ipv6}

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return ipv4
	}
	return ipv6
}

// every is all addresses of the family.
func (f family) every() addrSet {
	if f == ipv4 {
		return everyIPv4()
	}
	return everyIPv6()
}

// of is the addresses of the set that are of the family; IPv4 comes first in a set.
func (f family) of(set addrSet) addrSet {
	n := 0
	for n < len(set) && familyOf(set[n].First) == ipv4 {
		n++
	}
	if f == ipv4 {
		return set[:n]
	}
	return set[n:]
}

// forPorts is the rule for each protocol that the ports are of.
func (r chainRule) forPorts(set portSet) []chainRule {
	if set.covers(everyPort()) {
		return []chainRule{r}
	}
	var out []chainRule
	for _, protocol := range []uint8{protocolTCP, protocolUDP, protocolSCTP} {
		if of := set.and(portsOf(protocol)); len(of) > 0 {
			r.protocol, r.ports = protocol, of
			out = append(out, r)
		}
	}
	return out
}

// fewRules is how many rules are better than one with sets: each interval set takes
// up to 160 KiB in some kernels.
const fewRules = 8

// withoutSets is rules of one span each that say the same, where they are few.
func (r chainRule) withoutSets() []chainRule {
	if len(r.peers)*max(1, len(r.ports)) > fewRules {
		return []chainRule{r}
	}
	parts := []portSet{r.ports}
	if len(r.ports) > 1 {
		parts = singles(r.ports)
	}
	var out []chainRule
	for _, r.peers = range singles(r.peers) {
		for _, r.ports = range parts {
			out = append(out, r)
		}
	}
	return out
}

// singles is each span of a set as a set.
func singles[T point[T]](set spans[T]) []spans[T] {
	out := make([]spans[T], len(set))
	for i := range set {
		out[i] = set[i : i+1]
	}
	return out
}

// anyPeer and anyPort report whether the rule need not look at the address, or at the port.
func (r *chainRule) anyPeer() bool { return r.peers.covers(r.family.every()) }
func (r *chainRule) anyPort() bool { return r.protocol == 0 || r.ports.covers(portsOf(r.protocol)) }

// words is the rule in the words of nft.
func (r *chainRule) words() string {
	words := make([]byte, 0, 64+40*len(r.peers)+12*len(r.ports))
	switch {
	case r.anyPeer():
		words = append(words, [...]string{"meta nfproto ipv4 ", "meta nfproto ipv6 "}[r.family]...)
	case r.direction == ingress:
		words = append(words, [...]string{"ip saddr ", "ip6 saddr "}[r.family]...)
		words = appendSet(words, r.peers, appendAddr)
	default:
		words = append(words, [...]string{"ip daddr ", "ip6 daddr "}[r.family]...)
		words = appendSet(words, r.peers, appendAddr)
	}
	switch {
	case r.protocol == 0:
	case r.anyPort():
		words = append(words, "meta l4proto "+protocolWord(r.protocol)+" "...)
	case r.serviceSide:
		words = append(words, "meta l4proto "+protocolWord(r.protocol)+" ct original proto-dst "...)
		words = appendSet(words, r.ports, appendPort)
	default:
		words = append(words, protocolWord(r.protocol)+" dport "...)
		words = appendSet(words, r.ports, appendPort)
	}
	if r.small && r.protocol == protocolUDP {
		words = append(words, "meta length <= 1500 "...)
	}
	if r.large {
		words = append(words, "meta length > 1500 "...)
	}
	return string(append(words, "accept"...))
}

func protocolWord(protocol uint8) string {
	switch protocol {
	case protocolTCP:
		return "tcp"
	case protocolUDP:
		return "udp"
	case protocolSCTP:
		return "sctp"
	}
	return strconv.Itoa(int(protocol))
}

func appendAddr(b []byte, a netip.Addr) []byte { return a.AppendTo(b) }
func appendPort(b []byte, p port) []byte       { return strconv.AppendUint(b, uint64(p.number()), 10) }

// appendSet appends the set as nft writes one.
func appendSet[T point[T]](b []byte, set spans[T], word func([]byte, T) []byte) []byte {
	b = append(b, "{ "...)
	for i, s := range set {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = word(b, s.First)
		if s.First != s.Last {
			b = word(append(b, '-'), s.Last)
		}
	}
	return append(b, " } "...)
}
