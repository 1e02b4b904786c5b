package oracle

import (
	"cmp"
	"errors"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
)

// way is one of the two directions in which a policy can isolate a pod.
type way uint8

const (
	egress way = iota
	ingress
	ways
)

func (w way) String() string {
	if w == egress {
		return "egress"
	}
	return "ingress"
}

// policy is a NetworkPolicy made ready.
type policy struct {
	name  string // "namespace/name", as the scenario calls it
	rules [ways][]rule
}

// rule admits what one of its peers and one of its ports admits. No peers at all
// stand for every peer, no ports for every port.
type rule struct {
	peers []peer
	ports []port
}

// addPolicy makes a policy ready and ties it to the pods that it isolates.
func (w *World) addPolicy(np *networkingv1.NetworkPolicy) error {
	p := &policy{name: w.scenarioName(np.Namespace) + "/" + np.Name}
	if err := w.addRules(p, np); err != nil {
		return err
	}
	subjects, err := newSelector(&np.Spec.PodSelector)
	if err != nil {
		return fmt.Errorf("podSelector: %w", err)
	}
	isolates, err := isolatedWays(np.Spec.PolicyTypes)
	if err != nil {
		return err
	}
	for _, pod := range w.parties {
		if pod.namespace != np.Namespace || !pod.selectable() || !subjects.matches(pod.labels) {
			continue
		}
		for _, way := range isolates {
			pod.isolating[way] = append(pod.isolating[way], p)
		}
	}
	return nil
}

func (w *World) addRules(p *policy, np *networkingv1.NetworkPolicy) error {
	for i, r := range np.Spec.Ingress {
		made, err := w.newRule(np.Namespace, r.From, r.Ports)
		if err != nil {
			return fmt.Errorf("ingress rule %d: %w", i+1, err)
		}
		p.rules[ingress] = append(p.rules[ingress], made)
	}
	for i, r := range np.Spec.Egress {
		made, err := w.newRule(np.Namespace, r.To, r.Ports)
		if err != nil {
			return fmt.Errorf("egress rule %d: %w", i+1, err)
		}
		p.rules[egress] = append(p.rules[egress], made)
	}
	return nil
}

func (w *World) newRule(home string, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) (rule, error) {
	var r rule
	for i, p := range peers {
		made, err := w.newPeer(home, p)
		if err != nil {
			return rule{}, fmt.Errorf("peer %d: %w", i+1, err)
		}
		r.peers = append(r.peers, made)
	}
	for i, p := range ports {
		made, err := newPort(p)
		if err != nil {
			return rule{}, fmt.Errorf("port %d: %w", i+1, err)
		}
		r.ports = append(r.ports, made)
	}
	return r, nil
}

// isolatedWays reads policyTypes. None at all means that nobody defaulted the
// policy; what it isolates is then not for the oracle to guess.
func isolatedWays(types []networkingv1.PolicyType) ([]way, error) {
	var isolates [ways]bool
	for _, t := range types {
		switch t {
		case networkingv1.PolicyTypeIngress:
			isolates[ingress] = true
		case networkingv1.PolicyTypeEgress:
			isolates[egress] = true
		default:
			return nil, fmt.Errorf("policyTypes: %q is none of them", t)
		}
	}
	var list []way
	for _, way := range []way{egress, ingress} {
		if isolates[way] {
			list = append(list, way)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("policyTypes: none; an API server would have filled them in")
	}
	return list, nil
}

// verdict is Deny where the policy says nothing: another one may still allow.
func (p *policy) verdict(q *question) flow.Verdict {
	v := flow.Deny
	for i := range p.rules[q.way] {
		v = either(v, p.rules[q.way][i].verdict(q))
	}
	return v
}

func (r *rule) verdict(q *question) flow.Verdict {
	v := r.portsVerdict(q)
	if v == flow.Deny {
		return v
	}
	return both(v, r.peersVerdict(q))
}

func (r *rule) portsVerdict(q *question) flow.Verdict {
	if len(r.ports) == 0 {
		return flow.Allow
	}
	v := flow.Deny
	for i := range r.ports {
		v = either(v, r.ports[i].verdict(q))
	}
	return v
}

func (r *rule) peersVerdict(q *question) flow.Verdict {
	if len(r.peers) == 0 {
		return flow.Allow
	}
	v := flow.Deny
	for i := range r.peers {
		v = either(v, r.peers[i].verdict(q))
	}
	return v
}

// comparePairs orders by namespace, then by name.
func comparePairs(namespaceA, nameA, namespaceB, nameB string) int {
	return cmp.Or(cmp.Compare(namespaceA, namespaceB), cmp.Compare(nameA, nameB))
}
