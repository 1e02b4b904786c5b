package mutation

import (
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func isNamed(p port) bool   { return p.Port != nil && p.Port.Type == intstr.String }
func isUnnamed(p port) bool { return !isNamed(p) }
func isRange(p port) bool   { return p.EndPort != nil }
func isSingle(p port) bool  { return !isRange(p) }

// isWhole reports whether a port is all those of its protocol.
func isWhole(p port) bool { return p.Port == nil }

func of(protocol corev1.Protocol, match func(port) bool) func(port) bool {
	return func(p port) bool { return protocolOf(p) == protocol && match(p) }
}

func protocolOf(p port) corev1.Protocol {
	if p.Protocol == nil {
		return corev1.ProtocolTCP
	}
	return *p.Protocol
}

func anyPort(port) bool { return true }

func portOps() []ruleOp {
	list := []ruleOp{
		{"first-port-only", "only the first port of a rule counts", eachRule(func(r *rule) { r.ports = first(r.ports, 1) })},
		{"last-port-only", "only the last port of a rule counts", eachRule(func(r *rule) { r.ports = last(r.ports, 1) })},
		{"third-port-dropped", "ports of a rule after the second do not count", eachRule(func(r *rule) { r.ports = first(r.ports, 2) })},
		{"numbers-only-if-any", "in a rule with numbers of ports, names do not count", portsIfAny(isUnnamed)},
		{"names-only-if-any", "in a rule with names of ports, numbers do not count", portsIfAny(isNamed)},
		{"ranges-only-if-any", "in a rule with ranges of ports, single ones do not count", portsIfAny(isRange)},
		{"singles-only-if-any", "in a rule with single ports, ranges do not count", portsIfAny(isSingle)},
		{"first-protocol-only", "ports of another protocol than a rule's first do not count", eachRule(keepFirstProtocol)},
		{"first-protocol-for-all", "all ports of a rule have the protocol of the first", eachRule(spreadFirstProtocol)},
		{"same-port-first-protocol-only", "a port that a rule has for several protocols counts for the first of them", eachRule(keepFirstOfNumber)},
		{"number-low-byte-only", "only the low byte of a number counts", eachPort(func(p port) bool {
			return p.Port != nil && isUnnamed(p) && isSingle(p) && p.Port.IntVal > 255
		}, func(p *port) { p.Port.IntVal = max(1, p.Port.IntVal&0xff) })},
		{"numbers-above-32767-dropped", "a port above 32767 is none", dropPorts(func(p port) bool { return p.Port != nil && p.Port.IntVal > math.MaxInt16 })},
	}
	return slices.Concat(list, rangeOps(), protocolOps())
}

func rangeOps() []ruleOp {
	wide := func(p port) bool { return isRange(p) && *p.EndPort > p.Port.IntVal }
	return []ruleOp{
		{"range-first-port-only", "of a range only the first port counts", eachPort(isRange, func(p *port) { p.EndPort = nil })},
		{"range-without-its-last-port", "the last port of a range is not part of it", eachPort(wide, func(p *port) { *p.EndPort-- })},
		{"range-without-its-first-port", "the first port of a range is not part of it", eachPort(wide, func(p *port) { p.Port.IntVal++ })},
		{"range-and-the-next-port", "the port after a range is part of it", eachPort(func(p port) bool {
			return isRange(p) && *p.EndPort < math.MaxUint16
		}, func(p *port) { *p.EndPort++ })},
		{"range-without-end", "a range has no end", eachPort(isRange, func(p *port) { *p.EndPort = math.MaxUint16 })},
		{"range-without-start", "a range has no start", eachPort(isRange, func(p *port) { p.Port.IntVal = 1 })},
		{"range-as-one-mask", "a range is all that one mask needs to cover it", eachPort(isRange, mask)},
		{"range-of-one-port-dropped", "a range of one port is none", dropPorts(func(p port) bool { return isRange(p) && *p.EndPort == p.Port.IntVal })},
	}
}

// protocolOps are of one protocol each.
func protocolOps() []ruleOp {
	var list []ruleOp
	for _, protocol := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP} {
		name, word := strings.ToLower(string(protocol)), string(protocol)
		list = append(list,
			ruleOp{name + "-dropped", "ports of " + word + " are none", dropPorts(of(protocol, anyPort))},
			ruleOp{name + "-named-dropped", "named ports of " + word + " are none", dropPorts(of(protocol, isNamed))},
			ruleOp{name + "-range-dropped", "ranges of " + word + " are none", dropPorts(of(protocol, isRange))},
			ruleOp{name + "-range-first-port-only", "of a range of " + word + " only the first port counts", eachPort(of(protocol, isRange), func(p *port) { p.EndPort = nil })},
			ruleOp{name + "-alone-dropped", word + " without a port is none", dropPorts(of(protocol, isWhole))},
		)
	}
	return list
}

// portOpsBesidePeers depend on what peers a rule has.
func portOpsBesidePeers() []ruleOp {
	return []ruleOp{
		{"ports-ignored-beside-a-block", "ports of a rule with blocks do not count", ignorePorts(func(r rule) bool { return slices.ContainsFunc(r.peers, isBlock) })},
		{"ports-ignored-without-peers", "ports of a rule without peers do not count", ignorePorts(func(r rule) bool { return len(r.peers) == 0 })},
		{"ports-ignored-beside-a-namespace-selector", "ports of a rule with namespaceSelectors do not count", ignorePorts(func(r rule) bool {
			return slices.ContainsFunc(r.peers, hasNamespaces)
		})},
		{"ports-ignored-beside-a-pod-selector", "ports of a rule with a podSelector alone do not count", ignorePorts(func(r rule) bool { return slices.ContainsFunc(r.peers, onlyPods) })},
		{"first-port-only-beside-several-peers", "of a rule with several peers only the first port counts", eachRule(func(r *rule) {
			if len(r.peers) > 1 {
				r.ports = first(r.ports, 1)
			}
		})},
	}
}

// namesBesideBlock is of ingress alone: in egress a block's addresses have no names of ports.
func namesBesideBlock() []Mutation {
	return []Mutation{in(ingress, ruleOp{"names-dropped-beside-a-block", "named ports of a rule with blocks are none", func(namespace string, list []rule) []rule {
		for i := len(list) - 1; i >= 0; i-- {
			if slices.ContainsFunc(list[i].peers, isBlock) {
				list = slices.Replace(list, i, i+1, dropPorts(isNamed)(namespace, []rule{list[i]})...)
			}
		}
		return list
	}})}
}

func eachPort(match func(port) bool, change func(*port)) edit {
	return changeEach(portsOfRule, match, change)
}
func dropPorts(match func(port) bool) edit  { return dropFrom(portsOfRule, match) }
func portsIfAny(match func(port) bool) edit { return keepIfAny(portsOfRule, match) }

func ignorePorts(match func(rule) bool) edit {
	return eachRule(func(r *rule) {
		if match(*r) {
			r.ports = nil
		}
	})
}

func keepFirstProtocol(r *rule) {
	if len(r.ports) > 0 {
		protocol := protocolOf(r.ports[0])
		r.ports = slices.DeleteFunc(r.ports, func(p port) bool { return protocolOf(p) != protocol })
	}
}

func spreadFirstProtocol(r *rule) {
	for i := range r.ports {
		r.ports[i].Protocol = r.ports[0].Protocol
	}
}

func keepFirstOfNumber(r *rule) {
	seen := map[string]bool{}
	r.ports = slices.DeleteFunc(r.ports, func(p port) bool { return p.Port != nil && again(seen, p.Port.String()) })
}

// mask widens a range to the ports that are equal but for their low bits.
func mask(p *port) {
	size := int32(1)
	start := func() int32 { return p.Port.IntVal &^ (size - 1) }
	for start()+size-1 < *p.EndPort {
		size *= 2
	}
	*p.EndPort = start() + size - 1
	p.Port.IntVal = max(1, start())
}
