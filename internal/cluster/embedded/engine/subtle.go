package engine

import (
	"net/netip"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// This file does nothing in an engine without faults. Its faults are small slips, of
// which no list of bugs told: somebody thought of them to try the library.

// few is how many policies, rules or requirements are looked at where somebody thought
// that there would not be more.
const few = 8

// firstFew cuts a list where the engine has the fault.
func firstFew[T any](list []T, faults Faults, fault Fault) []T {
	if faults.Has(fault) && len(list) > few {
		return list[:few]
	}
	return list
}

// equalValues compares a label's value with a selector's.
func (s *selector) equalValues(a, b string) bool {
	switch {
	case a == b:
		return true
	case s.faults.Has(LabelCaseIgnored):
		return strings.EqualFold(a, b)
	case s.faults.Has(LongLabelsCut):
		return cut(a, longestValue) == cut(b, longestValue)
	}
	return false
}

// oneOf reports whether a value is among a selector's.
func (s *selector) oneOf(values []string, value string) bool {
	if s.faults.Has(UnsortedValuesMissed) {
		_, found := slices.BinarySearch(values, value)
		return found
	}
	return slices.ContainsFunc(values, func(v string) bool { return s.equalValues(v, value) })
}

// label is the value of a key.
func (s *selector) label(labels map[string]string, key string) (string, bool) {
	value, ok := labels[key]
	if ok {
		return value, ok
	}
	for have, value := range labels {
		if s.faults.Has(LabelDomainIgnored) && withoutDomain(have) == withoutDomain(key) ||
			s.faults.Has(LongLabelsCut) && cut(have, longestKey) == cut(key, longestKey) {
			return value, true
		}
	}
	return "", false
}

// What an engine keeps of a label that cuts long ones: a character less of a value than there
// may be, and less of a key than a long domain and a name take.
const (
	longestValue = 62
	longestKey   = 250
)

func cut(text string, most int) string { return text[:min(most, len(text))] }

func withoutDomain(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

// slipped is a list of ports as a careless reader has it.
func (c *compiler) slipped(list []networkingv1.NetworkPolicyPort) []networkingv1.NetworkPolicyPort {
	var out []networkingv1.NetworkPolicyPort
	for i, p := range list {
		numbered := p.Port != nil && p.Port.IntVal > 0
		if c.faults.Has(HighPortsIgnored) && numbered && p.Port.IntVal > 32767 {
			continue
		}
		again := func(later networkingv1.NetworkPolicyPort) bool { return later.Port != nil && *later.Port == *p.Port }
		if c.faults.Has(PortNumberOverwritten) && numbered && slices.ContainsFunc(list[i+1:], again) {
			continue
		}
		out = append(out, p)
	}
	return out
}

// cutShort is a block as somebody has it who thinks in networks of IPv6.
func (c *compiler) cutShort(p netip.Prefix) netip.Prefix {
	if c.faults.Has(LongIPv6PrefixCut) && p.Addr().Is6() && p.Bits() > 64 {
		return netip.PrefixFrom(p.Addr(), 64)
	}
	return p
}

// inBytes is a block as somebody has it who compares whole bytes.
func (c *compiler) inBytes(p netip.Prefix) netip.Prefix {
	switch {
	case !p.IsValid():
	case c.faults.Has(PrefixRoundedDown):
		return netip.PrefixFrom(p.Addr(), p.Bits()/8*8)
	case c.faults.Has(PrefixRoundedUp):
		return netip.PrefixFrom(p.Masked().Addr(), (p.Bits()+7)/8*8)
	}
	return p
}

// slips are what an isolation lets through by a slip.
func (m *modeller) slips(allows []allow, policies []*compiled, d direction) []allow {
	var out []allow
	if m.faults.Has(UnnamedProtocolsOpen) {
		out = append(out, unnamed(allows)...)
	}
	for _, c := range policies {
		if m.faults.Has(AdmittedIsReached) && d == egress && c.says[ingress] != nil {
			for _, a := range c.says[ingress].allows {
				out = append(out, allow{peers: a.peers, ports: everyPort()})
			}
		}
	}
	return out
}

// unnamed opens the protocols that the rules do not name, where they name one.
func unnamed(allows []allow) []allow {
	var named portSet
	for _, a := range allows {
		for _, s := range a.ports {
			named = union(named, portSet{s})
		}
	}
	var out []allow
	for _, protocol := range []uint8{protocolTCP, protocolUDP, protocolSCTP} {
		if len(named) > 0 && len(named.and(portsOf(protocol))) == 0 {
			out = append(out, allow{peers: everyAddr(), ports: portsOf(protocol)})
		}
	}
	return out
}

// inOrder is a selector's requirements, those of its labels last, by key.
func inOrder(list []metav1.LabelSelectorRequirement, labels int) []metav1.LabelSelectorRequirement {
	slices.SortFunc(list[len(list)-labels:], func(a, b metav1.LabelSelectorRequirement) int { return strings.Compare(a.Key, b.Key) })
	return list
}
