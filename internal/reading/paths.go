package reading

import (
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
)

// unless is a reading in which some flows are open, whatever policies say. It says
// nothing where all flows are of that kind: it would be no kind then.
func unless(open func(oracle.State, flow.Flow) bool) func(*evidence, int) []prediction {
	return func(e *evidence, moment int) []prediction {
		s := e.state(moment)
		if !slices.ContainsFunc(e.flows, func(f flow.Flow) bool { return !open(s, f) }) {
			return nil
		}
		return []prediction{func(i int) flow.Verdict {
			if open(s, e.flows[i]) {
				return flow.Allow
			}
			return e.base(moment, i)
		}}
	}
}

// fromOnePort is for scenarios that dial from a port that is given: datagrams are let
// through, or whatever comes from there.
func fromOnePort(e *evidence, moment int) []prediction {
	if e.moments[e.last()].SourcePort.Number() == 0 {
		return nil
	}
	passes := func(tcp bool) prediction {
		return func(i int) flow.Verdict {
			m, f := e.moments[moment], e.flows[i]
			if m.SourcePort.Of(f, len(m.Step.Acts) > 0) != 0 && (tcp || f.Protocol == flow.UDP) {
				return flow.Allow
			}
			return e.base(moment, i)
		}
	}
	return []prediction{passes(false), passes(true)}
}

func throughService(_ oracle.State, f flow.Flow) bool { return f.Via.Service() }
func overIPv6(_ oracle.State, f flow.Flow) bool       { return f.Family == flow.IPv6 }
func overIPv4(_ oracle.State, f flow.Flow) bool       { return f.Family == flow.IPv4 }
func byUDP(_ oracle.State, f flow.Flow) bool          { return f.Protocol == flow.UDP }
func bySCTP(_ oracle.State, f flow.Flow) bool         { return f.Protocol == flow.SCTP }

func sameNode(s oracle.State, f flow.Flow) bool {
	from, to := nodeOf(s, f.Source), nodeOf(s, f.Destination)
	return from != 0 && from == to
}

func crossNode(s oracle.State, f flow.Flow) bool {
	from, to := nodeOf(s, f.Source), nodeOf(s, f.Destination)
	return from != 0 && to != 0 && from != to
}

// nodeOf is the number of the node of a pod; 0 of anything else.
func nodeOf(s oracle.State, e flow.Endpoint) int {
	for _, p := range s.Pods {
		if p.Endpoint() == e {
			return p.Node
		}
	}
	return 0
}

// aReply is a port that clients have: no policy of a scenario names it.
const aReply = 49152

// repliesJudged holds the way back to the same policies.
func repliesJudged(e *evidence, moment int) []prediction {
	w := e.moments[moment].World
	return []prediction{func(i int) flow.Verdict {
		back := e.flows[i]
		back.Source, back.Destination, back.Port, back.Via = back.Destination, back.Source, aReply, flow.PodIP
		reply := flow.Allow
		if back.Source.Kind != flow.KindDNS {
			reply = w.Expect(back)
		}
		return both(e.base(moment, i), reply)
	}}
}

// answersDenied lets through what is denied. It shows over UDP alone: over TCP the answer
// that does not come is the handshake's, and of a DNS server nobody knows what it has got.
func answersDenied(e *evidence, moment int) []prediction {
	return []prediction{func(i int) flow.Verdict {
		f, v := e.flows[i], e.base(moment, i)
		if v == flow.Deny && f.Protocol == flow.UDP && f.Destination.Kind != flow.KindDNS {
			return flow.OneWay
		}
		return v
	}}
}

// servicePortOffset is what the port of a Service has more than that of its pod.
const servicePortOffset = 20000

func servicePort(e *evidence, moment int) []prediction {
	w := e.moments[moment].World
	return []prediction{func(i int) flow.Verdict {
		f := e.flows[i]
		if f.Via.Service() {
			f.Port += servicePortOffset
		}
		return w.Expect(f)
	}}
}

// nodeTraffic takes away that a pod's own node always reaches it.
func nodeTraffic(e *evidence, moment int) []prediction {
	return []prediction{func(i int) flow.Verdict {
		x := e.explain(moment, i)
		if e.flows[i].Source.Kind == flow.KindNode && x.Ingress.Isolated && x.Ingress.Reason != "" {
			return flow.Deny
		}
		return x.Verdict
	}}
}

// exceptDenies lets no exception be admitted by anything else.
func exceptDenies(e *evidence, moment int) []prediction {
	s := e.state(moment)
	return []prediction{func(i int) flow.Verdict {
		x := e.explain(moment, i)
		for _, d := range []oracle.Direction{x.Egress, x.Ingress} {
			for _, a := range s.Binding.Addresses[d.Peer] {
				if flow.FamilyOf(a) == e.flows[i].Family && excepted(s, d, a) {
					return flow.Deny
				}
			}
		}
		return x.Verdict
	}}
}

// excepted reports whether an address is an exception of a policy that isolates the
// subject of a direction.
func excepted(s oracle.State, d oracle.Direction, a netip.Addr) bool {
	for _, p := range s.Policies {
		if !slices.ContainsFunc(d.Policies, func(f oracle.PolicyFinding) bool { return sameName(s, p, f.Policy) }) {
			continue
		}
		for _, peer := range peersOf(p, d.Way) {
			if peer.IPBlock != nil && slices.ContainsFunc(peer.IPBlock.Except, func(text string) bool {
				cidr, err := netip.ParsePrefix(text)
				return err == nil && cidr.Contains(a)
			}) {
				return true
			}
		}
	}
	return false
}

// sameName compares a policy with the name that explanations give it.
func sameName(s oracle.State, p *networkingv1.NetworkPolicy, name string) bool {
	for scenarios, realName := range s.Binding.Namespaces {
		if realName == p.Namespace && scenarios+"/"+p.Name == name {
			return true
		}
	}
	return p.Namespace+"/"+p.Name == name
}

func peersOf(p *networkingv1.NetworkPolicy, way string) (all []networkingv1.NetworkPolicyPeer) {
	if way == "egress" {
		for _, r := range p.Spec.Egress {
			all = append(all, r.To...)
		}
		return all
	}
	for _, r := range p.Spec.Ingress {
		all = append(all, r.From...)
	}
	return all
}
