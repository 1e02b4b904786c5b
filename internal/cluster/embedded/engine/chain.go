package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// chain is the rules that judge the connections of pods that may do the same, in
// one direction. A packet that no rule lets return is dropped. Chains never change:
// the name is made of the content, and a pod that may do something else is sent to
// another chain.
type chain struct {
	name  string
	rules []chainRule
}

// chainRule lets a packet return: to the next question, or out of the table.
type chainRule struct {
	direction direction
	family    family
	peers     addrSet // of the family
	protocol  uint8   // 0: every one
	ports     portSet // of the protocol
	// serviceSide compares the port that the source dialled.
	serviceSide bool
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

// of is the addresses of the set that are of the family.
func (f family) of(set addrSet) addrSet {
	for i := range set {
		if familyOf(set[i].First) == ipv6 {
			if f == ipv4 {
				return set[:i]
			}
			return set[i:]
		}
	}
	if f == ipv4 {
		return set
	}
	return nil
}

// newChain makes the chain of an isolation.
func newChain(d direction, i *isolation, faults Faults) *chain {
	var rules []chainRule
	for _, f := range families {
		for _, a := range i.allows {
			if peers := f.of(a.peers); len(peers) > 0 {
				r := chainRule{direction: d, family: f, peers: peers, serviceSide: faults.Has(ServicePortJudged)}
				rules = append(rules, r.forPorts(a.ports)...)
			}
		}
	}
	sum := sha256.Sum256([]byte(rulesText(rules)))
	return &chain{name: "rules-" + hex.EncodeToString(sum[:8]), rules: rules}
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

// anyPeer and anyPort report whether the rule need not look at the address, or at the port.
func (r *chainRule) anyPeer() bool { return r.peers.covers(r.family.every()) }
func (r *chainRule) anyPort() bool { return r.protocol == 0 || r.ports.covers(portsOf(r.protocol)) }

// String is the rule in the words of nft.
func (r *chainRule) String() string {
	words := [...]string{"ip", "ip6"}[r.family]
	switch {
	case r.anyPeer():
		words = "meta nfproto " + [...]string{"ipv4", "ipv6"}[r.family]
	case r.direction == ingress:
		words += " saddr " + braces(r.peers, netip.Addr.String)
	default:
		words += " daddr " + braces(r.peers, netip.Addr.String)
	}
	switch {
	case r.protocol == 0:
	case r.anyPort():
		words += " meta l4proto " + protocolWord(r.protocol)
	case r.serviceSide:
		words += " meta l4proto " + protocolWord(r.protocol) + " ct original proto-dst " + braces(r.ports, portNumber)
	default:
		words += " " + protocolWord(r.protocol) + " dport " + braces(r.ports, portNumber)
	}
	return words + " return"
}

func rulesText(rules []chainRule) string {
	var b strings.Builder
	for i := range rules {
		b.WriteString("\t\t" + rules[i].String() + "\n")
	}
	return b.String()
}

func portNumber(p port) string { return fmt.Sprint(p.number()) }

func protocolWord(protocol uint8) string {
	switch protocol {
	case protocolTCP:
		return "tcp"
	case protocolUDP:
		return "udp"
	case protocolSCTP:
		return "sctp"
	}
	return fmt.Sprint(protocol)
}

// braces is the set as nft writes one.
func braces[T point[T]](set spans[T], word func(T) string) string {
	words := make([]string, len(set))
	for i, s := range set {
		words[i] = word(s.First)
		if s.First != s.Last {
			words[i] += "-" + word(s.Last)
		}
	}
	return "{ " + strings.Join(words, ", ") + " }"
}
