package engine

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// wanted is the ports of a rule: those with numbers, and those with names.
type wanted struct {
	numbers portSet
	names   []portName
}

// portName is a named port. Each pod gives the name its own number, or none.
type portName struct {
	name      string
	protocols []uint8
	asOf      uint64 // pods that have turned since give it no number
}

// shortPorts is how many ports one multiport match of iptables takes.
const shortPorts = 15

// ports resolves the ports of a rule. No ports at all means every port.
func (c *compiler) ports(list []networkingv1.NetworkPolicyPort) wanted {
	if len(list) == 0 || c.faults.Has(IgnorePorts) {
		return wanted{numbers: everyPort()}
	}
	if c.faults.Has(LongPortListsCut) && len(list) > shortPorts {
		list = list[:shortPorts]
	}
	list = c.slipped(list)
	var out wanted
	for i := range list {
		entry := &list[i]
		protocols := c.protocols(entry)
		switch {
		case entry.Port == nil:
			out.numbers = append(out.numbers, c.portless(protocols)...)
		case entry.Port.Type == intstr.Int:
			out.numbers = append(out.numbers, c.numbered(entry, protocols)...)
		case c.faults.Has(NamedPortOpensAll):
			return wanted{numbers: everyPort()}
		default:
			out.names = append(out.names, portName{name: entry.Port.StrVal, protocols: protocols})
		}
	}
	out.numbers = union(out.numbers)
	return out
}

// protocols is the protocols that a port entry opens.
func (c *compiler) protocols(entry *networkingv1.NetworkPolicyPort) []uint8 {
	protocol := protocolNumber(entry.Protocol)
	switch {
	case c.faults.Has(ProtocolBlind):
		return []uint8{protocolTCP, protocolUDP, protocolSCTP}
	case c.faults.Has(SCTPAsTCP) && protocol == protocolSCTP,
		c.faults.Has(UDPPortAsTCP) && protocol == protocolUDP:
		return []uint8{protocolTCP}
	}
	return []uint8{protocol}
}

// portless is what an entry with only a protocol opens: every port of it.
func (c *compiler) portless(protocols []uint8) portSet {
	switch {
	case c.faults.Has(PortlessMatchesNothing):
		return nil
	case c.faults.Has(PortlessOpensProtocols):
		return everyPort()
	}
	var out portSet
	for _, protocol := range protocols {
		out = append(out, portsOf(protocol)...)
	}
	return out
}

// numbered is a port, or the range from port to endPort with both its ends.
func (c *compiler) numbered(entry *networkingv1.NetworkPolicyPort, protocols []uint8) portSet {
	first := uint16(entry.Port.IntVal)
	last := first
	if entry.EndPort != nil && !c.faults.Has(EndPortIgnored) {
		last = uint16(*entry.EndPort)
		if c.faults.Has(EndPortExclusive) && last > first {
			last--
		}
	}
	var out portSet
	for _, protocol := range protocols {
		out = append(out, span[port]{newPort(protocol, first), newPort(protocol, last)})
	}
	return out
}

// numbersOf is the ports that a pod gives the names.
func numbersOf(p *pod, names []portName) portSet {
	var out portSet
	for _, want := range names {
		if p.turned > want.asOf {
			continue
		}
		for _, have := range p.ports {
			if have.name == want.name && slices.Contains(want.protocols, have.port.protocol()) {
				out = append(out, span[port]{have.port, have.port})
			}
		}
	}
	return union(out)
}

// frozen has names mean what they meant when the policy came.
func (w wanted) frozen(p *policy) wanted {
	for i := range w.names {
		w.names[i].asOf = p.asOf
	}
	return w
}

// resolvedBy gives each name, everywhere, the number that the first pod gives it.
func (w wanted) resolvedBy(selected, peers []*pod, d direction) wanted {
	pods := selected
	if d == egress {
		pods = peers
	}
	out := wanted{numbers: w.numbers}
	for _, name := range w.names {
		for _, p := range pods {
			if found := numbersOf(p, []portName{name}); len(found) > 0 {
				out.numbers = union(out.numbers, found)
				break
			}
		}
	}
	return out
}
