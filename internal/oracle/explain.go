package oracle

import (
	"fmt"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
)

// Explanation is a verdict with all that led to it. All names in it are the
// scenario's own.
type Explanation struct {
	Flow    flow.Flow
	Verdict flow.Verdict
	// Reason is why policies have no say in the flow; "" where they have, and only
	// then the directions are filled in.
	Reason  string
	Egress  Direction // at the source
	Ingress Direction // at the destination
}

// Direction is what one end of a flow has to say about it.
type Direction struct {
	Way     string        // "egress" or "ingress"
	Subject flow.Endpoint // whose policies are asked
	Peer    flow.Endpoint // the other end
	Pod     bool          // false: the subject is none, and policies do not apply to it
	Verdict flow.Verdict
	// Isolated is whether any policy selects the subject in this direction.
	Isolated bool
	// Reason is why a flow that no rule admits is not simply denied; else "".
	Reason   string
	Policies []PolicyFinding // those that isolate the subject, by name
}

// PolicyFinding is what a policy's rules say about the peer.
type PolicyFinding struct {
	Policy  string // "namespace/name"
	Verdict flow.Verdict
	Rules   []RuleFinding // in their order
}

// RuleFinding is what a rule says: its peers and its ports must both admit.
type RuleFinding struct {
	Number  int // counted from 1
	Verdict flow.Verdict
	Peers   []Match // none: the rule is for every peer
	Ports   []Match // none: the rule is for every port
}

// Match is whether one peer or port of a rule admits the flow.
type Match struct {
	Number  int // counted from 1
	Verdict flow.Verdict
	What    string // what it admits, such as "pods with role=db of namespace prod"
	Why     string // how that compares with the flow; "" where it needs no word
}

// Explain is Expect with its grounds.
func (w *World) Explain(f flow.Flow) Explanation {
	from, to, v, reason := w.ends(f)
	if from == nil {
		return Explanation{Flow: f, Verdict: v, Reason: reason}
	}
	out := question{world: w, flow: f, way: egress, subject: from, peer: to}
	in := question{world: w, flow: f, way: ingress, subject: to, peer: from}
	e := Explanation{Flow: f, Egress: out.explain(), Ingress: in.explain()}
	e.Verdict = both(e.Egress.Verdict, e.Ingress.Verdict)
	if v := w.whileTerminating(f, e.Verdict); v != e.Verdict {
		pod, _ := w.leaver(f)
		return Explanation{Flow: f, Verdict: v, Reason: fmt.Sprintf("the policies allow it, but nothing is promised of what %s keeps while it terminates", pod)}
	}
	if v := w.whileOpen(f, e.Verdict); v != e.Verdict {
		return Explanation{Flow: f, Verdict: v, Reason: "the policies deny it, so that it may never have been opened"}
	}
	return e
}

func (q *question) explain() Direction {
	isolating := q.subject.isolating[q.way]
	d := Direction{
		Way:      q.way.String(),
		Subject:  q.subject.endpoint,
		Peer:     q.peer.endpoint,
		Pod:      q.subject.selectable(),
		Verdict:  q.verdict(),
		Isolated: len(isolating) > 0,
	}
	if d.Isolated {
		_, d.Reason = q.unadmitted()
	}
	for _, p := range isolating {
		d.Policies = append(d.Policies, p.explain(q))
	}
	return d
}

func (p *policy) explain(q *question) PolicyFinding {
	found := PolicyFinding{Policy: p.name, Verdict: p.verdict(q)}
	for i := range p.rules[q.way] {
		r := &p.rules[q.way][i]
		found.Rules = append(found.Rules, r.explain(q, i+1))
	}
	return found
}

func (r *rule) explain(q *question, number int) RuleFinding {
	found := RuleFinding{Number: number, Verdict: r.verdict(q)}
	for i := range r.peers {
		p := &r.peers[i]
		v := p.verdict(q)
		found.Peers = append(found.Peers, Match{Number: i + 1, Verdict: v, What: q.world.whatPeer(p), Why: q.whyPeer(p, v)})
	}
	for i := range r.ports {
		p := &r.ports[i]
		found.Ports = append(found.Ports, Match{Number: i + 1, Verdict: p.verdict(q), What: p.String(), Why: p.why(q)})
	}
	return found
}

// whyPeer says what keeps the peer from plainly admitting the other end; "" where nothing does.
func (q *question) whyPeer(p *peer, v flow.Verdict) string {
	switch {
	case v == flow.Allow:
		return ""
	case p.block != nil && v == flow.Undefined:
		return q.whyContested(p.block)
	case p.block != nil:
		return q.whyNotInBlock(p.block)
	case !q.peer.selectable():
		return fmt.Sprintf("wants pods, and %s is none", q.peer.endpoint)
	}
	return q.whyNotSelected(p)
}

func (q *question) whyContested(b *ipBlock) string {
	if !q.peer.selectable() {
		return fmt.Sprintf("is the ipBlock %s, and whether an ipBlock admits a node is contested", b)
	}
	if !q.mayHold(b, q.peer.addrs) {
		return fmt.Sprintf("is the ipBlock %s, and whether it is held against the address before or after a Service rewrites it is undefined", b)
	}
	if q.peer.endpoint.Kind == flow.KindDNS {
		return fmt.Sprintf("is the ipBlock %s, and whether an ipBlock admits the DNS service is contested", b)
	}
	return fmt.Sprintf("is the ipBlock %s, and whether an ipBlock admits a pod is contested", b)
}

func (q *question) whyNotInBlock(b *ipBlock) string {
	if b.family() != q.flow.Family {
		return fmt.Sprintf("wants %s addresses in %s", b.family(), b)
	}
	address := "an unknown address"
	if a := addrOf(q.peer.addrs, q.flow.Family); a.IsValid() {
		address = a.String()
	}
	return fmt.Sprintf("wants addresses in %s, and %s has %s", b, q.peer.endpoint, address)
}

// whyNotSelected names the labels that the peer's selectors miss.
func (q *question) whyNotSelected(p *peer) string {
	var parts []string
	namespace := q.world.scenarioName(q.peer.namespace)
	if p.namespaces == nil && q.peer.namespace != p.home {
		parts = append(parts, fmt.Sprintf("wants pods of namespace %s, and %s is in %s", q.world.scenarioName(p.home), q.peer.endpoint, namespace))
	}
	if p.namespaces != nil {
		if wanted, found := q.world.unmet(*p.namespaces, q.world.Namespaces[q.peer.namespace]); wanted != "" {
			parts = append(parts, fmt.Sprintf("wants namespace label %s, but namespace %s has %s", wanted, namespace, found))
		}
	}
	if p.pods != nil {
		if wanted, found := q.world.unmet(*p.pods, q.peer.labels); wanted != "" {
			parts = append(parts, fmt.Sprintf("wants pod label %s, but %s has %s", wanted, q.peer.endpoint, found))
		}
	}
	return strings.Join(parts, ", and ")
}
