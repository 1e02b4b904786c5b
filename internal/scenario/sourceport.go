package scenario

import (
	"iter"
	"slices"
	"strconv"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/strict"
)

// SourcePort says from which port a flow is dialled: a number, or one of the following.
type SourcePort string

// The ports that a flow is dialled from. The controls always draw fresh ones.
const (
	FreshPort SourcePort = ""                // one that its server has not seen for minutes
	SamePort  SourcePort = "same"            // always the same, all through the steps
	KeptPort  SourcePort = "until-connected" // the same until a connection stands, and then another
)

// Number is the port that every flow is dialled from; 0 where it is drawn.
func (p SourcePort) Number() uint16 {
	n, err := strconv.ParseUint(string(p), 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

// Of is the number that a flow is dialled from in steps that act, or in those that do
// nothing; 0 where it has none. Over UDP it has none in steps that act: a datagram that is
// answered before the act has taken effect makes later ones from its port part of what was
// allowed.
func (p SourcePort) Of(f flow.Flow, acts bool) uint16 {
	if f.Via == flow.Established || f.Protocol != flow.TCP && (f.Protocol != flow.UDP || acts) {
		return 0
	}
	return p.Number()
}

// Traced reports whether connection tracking may remember, minutes after a scenario, what
// the next one would dial again.
func (t Topology) Traced() bool { return t.SourcePort.Number() != 0 && t.udpServer() != "" }

// udpServer is somebody who serves UDP, by a name for errors, or "".
func (t Topology) udpServer() string {
	for who, ports := range t.servers() {
		if slices.ContainsFunc(ports, func(p flow.Port) bool { return p.Protocol == flow.UDP }) {
			return who
		}
	}
	return ""
}

// servers yields everybody who serves ports, by a name for errors.
func (t Topology) servers() iter.Seq2[string, []flow.Port] {
	return func(yield func(string, []flow.Port) bool) {
		for _, p := range t.Pods {
			if !yield("pod "+p.Endpoint().String(), p.Ports) {
				return
			}
		}
		_ = yield("the host outside", t.External.Ports) && yield("a node", t.Nodes.Ports)
	}
}

// sourcePort reports what is not a source port, and one that nobody can dial from.
func (d *decoder) sourcePort(t Topology, path string) {
	number := t.SourcePort.Number()
	switch {
	case t.SourcePort == SamePort, t.SourcePort == KeptPort:
		return
	case number == 0:
		d.Wrong(path, "is %q: write %s, %s or a number from 1 to 65535", t.SourcePort, SamePort, KeptPort)
		return
	case !t.Direct:
		d.Wrong(path, "is %d, and from one port a pod and its Service cannot both be dialled, which are one flow to connection tracking: write direct: true beside it", number)
	}
	for who, ports := range t.servers() {
		for _, p := range ports {
			switch {
			case p.Protocol != flow.TCP && p.Protocol != flow.UDP:
				d.Wrong(path, "is %d, and %s serves %s: only TCP and UDP can be dialled from a port that is given", number, who, p)
			case p.Number == number:
				d.Wrong(path, "is %d, which %s serves: nobody can dial from a port that it serves", number, who)
			}
		}
	}
	if t.DNS {
		d.Wrong(path, "is %d, and who asks the cluster's DNS draws a port: remove one of the two", number)
	}
}

// fromOnePort reports a step that dials a flow again while it is still being dialled,
// which cannot be done from one source port.
func (b *builder) fromOnePort(s *Step, at string) {
	if b.s.Topology.SourcePort == FreshPort {
		return
	}
	if s.Steady {
		b.Wrong(strict.Child(at, "steady"), "tries each flow before the last try has ended, but the topology says sourcePort: remove one of the two")
	}
	if len(s.Debuts()) > 0 {
		b.Wrong(strict.Child(at, "eager"), "tries each flow before the last try has ended, but the topology says sourcePort: remove one of the two")
	}
}

// datagramsFromOnePort follows what is dialled over UDP from a port that is given. What was
// answered once belongs to what was allowed then, whatever the policies say by now.
func (b *builder) datagramsFromOnePort() {
	port := b.s.Topology.SourcePort
	if port.Number() == 0 || !b.WellShaped() {
		return
	}
	if who := b.s.Topology.udpServer(); who != "" && !slices.ContainsFunc(b.s.Steps, func(s Step) bool { return len(s.Acts) == 0 }) {
		b.Wrong("spec.topology.sourcePort", "is %d, and %s serves UDP, which is dialled from it only in steps that do nothing: add one after each step whose table shall hold from that port too", port.Number(), who)
	}
	answered := map[flow.Flow]string{} // the step in which it may have been
	for i, s := range b.s.Steps {
		b.deniesAnswered(s, answered, strict.Child(strict.Index("spec.steps", i), "expect"))
		for _, f := range b.flows {
			if f.Protocol == flow.UDP && port.Of(f, len(s.Acts) > 0) != 0 && answered[f] == "" && s.Expect.Verdict(f) != flow.Deny {
				answered[f] = s.Name
			}
		}
	}
}

// deniesAnswered reports a step that denies what may have been answered.
func (b *builder) deniesAnswered(s Step, answered map[flow.Flow]string, at string) {
	port := b.s.Topology.SourcePort
	for _, f := range b.flows {
		if earlier := answered[f]; earlier != "" && port.Of(f, len(s.Acts) > 0) != 0 && s.Expect.Verdict(f) == flow.Deny {
			b.Wrong(at, "denies %s, but step %q lets it through from port %d, and to connection tracking later datagrams from there belong to what was answered then: deny it first, and allow it later", f, earlier, port.Number())
			return
		}
	}
}
