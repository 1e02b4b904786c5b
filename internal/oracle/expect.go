package oracle

import (
	"fmt"

	"github.com/cniproof/cniproof/internal/flow"
)

// question is one direction of a flow: may the subject, a pod, have it with its peer?
type question struct {
	world         *World
	flow          flow.Flow
	way           way
	subject, peer *party
}

// destination is the side that is dialled, whichever is asked about.
func (q *question) destination() *party {
	if q.way == egress {
		return q.peer
	}
	return q.subject
}

// Expect is what must become of the flow: Allow or Deny where the policies and the
// specification settle it, Undefined where no specification does, Unknown for a
// flow that this world cannot have. Deny wins over Undefined, because either end
// can deny on its own.
func (w *World) Expect(f flow.Flow) flow.Verdict {
	from, to, v, _ := w.ends(f)
	if from == nil {
		return v
	}
	out := question{world: w, flow: f, way: egress, subject: from, peer: to}
	in := question{world: w, flow: f, way: ingress, subject: to, peer: from}
	return w.whileOpen(f, w.whileTerminating(f, both(out.verdict(), in.verdict())))
}

// whileTerminating is the verdict of the policies, as far as it is promised to a pod that
// is being deleted.
func (w *World) whileTerminating(f flow.Flow, v flow.Verdict) flow.Verdict {
	if _, leaves := w.leaver(f); leaves && v == flow.Allow {
		return flow.Undefined
	}
	return v
}

// leaver is an end of the flow that is being deleted.
func (w *World) leaver(f flow.Flow) (flow.Endpoint, bool) {
	if w.Terminating[f.Source] {
		return f.Source, true
	}
	return f.Destination, w.Terminating[f.Destination]
}

// ends finds the two ends of a flow. Where policies have no say it finds none, but a
// verdict and its reason.
func (w *World) ends(f flow.Flow) (from, to *party, v flow.Verdict, reason string) {
	from, to = w.parties[f.Source], w.parties[f.Destination]
	switch {
	case from == nil || from.endpoint.Kind == flow.KindDNS:
		return nil, nil, flow.Unknown, fmt.Sprintf("%s is nobody who dials in this scenario", f.Source)
	case to == nil:
		return nil, nil, flow.Unknown, fmt.Sprintf("%s is nobody in this scenario", f.Destination)
	case f.Protocol == flow.ICMP:
		return nil, nil, flow.Undefined, "nothing is promised about ICMP"
	case f.Via.Node():
		return nil, nil, flow.Undefined, "nothing is promised about what comes over a port of a node"
	case f.Via == flow.Established && !w.stands(f):
		return nil, nil, flow.Undefined, "nothing is promised about connections that were open before a change of one of their ends"
	case from == to:
		return nil, nil, flow.Undefined, "nothing is promised about traffic of a pod with itself"
	case from.onHost:
		return nil, nil, flow.Undefined, fmt.Sprintf("nothing is promised about %s, which is on its node's network", f.Source)
	case to.onHost:
		return nil, nil, flow.Undefined, fmt.Sprintf("nothing is promised about %s, which is on its node's network", f.Destination)
	case w.Completed[f.Source]:
		return nil, nil, flow.Undefined, fmt.Sprintf("%s has completed", f.Source)
	case w.Completed[f.Destination]:
		return nil, nil, flow.Undefined, fmt.Sprintf("%s has completed", f.Destination)
	case !from.hasAddress(f.Family) || !to.hasAddress(f.Family):
		return nil, nil, flow.Unknown, fmt.Sprintf("%s and %s do not both have an %s address", f.Source, f.Destination, f.Family)
	case f.Via.Service() && !(from.selectable() && to.selectable()):
		return nil, nil, flow.Unknown, "only a pod reaches others by their Service"
	}
	return from, to, flow.Unknown, ""
}

// hasAddress reports whether the party can take part in flows of the family. Pods
// are judged without an address as well: selectors need none.
func (p *party) hasAddress(family flow.Family) bool {
	return p.selectable() || addrOf(p.addrs, family).IsValid()
}

// verdict puts together what the policies say that isolate the subject. Policies
// add up: one that admits the peer is enough.
func (q *question) verdict() flow.Verdict {
	isolating := q.subject.isolating[q.way]
	if len(isolating) == 0 {
		return flow.Allow
	}
	v, _ := q.unadmitted()
	for _, p := range isolating {
		if v == flow.Allow {
			break
		}
		v = either(v, p.verdict(q))
	}
	return v
}

// unadmitted is the verdict of an isolated subject's flow that no rule admits, with
// the reason where it is not simply Deny.
func (q *question) unadmitted() (flow.Verdict, string) {
	if q.peer.endpoint.Kind != flow.KindNode {
		return flow.Deny, ""
	}
	own := q.peer.node == q.subject.node
	switch {
	case q.way == ingress && own:
		return flow.Allow, "traffic from a pod's own node is always allowed"
	case q.way == ingress:
		return flow.Undefined, "nothing settles whether another node than the pod's own is let in"
	case own:
		return flow.Undefined, "whether a pod always reaches its own node is contested"
	}
	return flow.Deny, ""
}

// either is the verdict of two that add up: one Allow is enough.
func either(a, b flow.Verdict) flow.Verdict {
	switch {
	case a == flow.Allow || b == flow.Allow:
		return flow.Allow
	case a == flow.Undefined || b == flow.Undefined:
		return flow.Undefined
	}
	return flow.Deny
}

// both is the verdict of two that must agree: one Deny is enough.
func both(a, b flow.Verdict) flow.Verdict {
	switch {
	case a == flow.Deny || b == flow.Deny:
		return flow.Deny
	case a == flow.Undefined || b == flow.Undefined:
		return flow.Undefined
	}
	return flow.Allow
}

func allowIf(yes bool) flow.Verdict {
	if yes {
		return flow.Allow
	}
	return flow.Deny
}
