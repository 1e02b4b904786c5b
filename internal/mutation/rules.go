package mutation

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
)

type (
	peer  = networkingv1.NetworkPolicyPeer
	port  = networkingv1.NetworkPolicyPort
	block = networkingv1.IPBlock
)

// rule is a rule of either direction.
type rule struct {
	peers []peer
	ports []port
}

// direction is one of the two lists of rules that a policy has.
type direction string

const (
	ingress direction = "ingress"
	egress  direction = "egress"
)

func directions() []direction { return []direction{ingress, egress} }

func (d direction) policyType() networkingv1.PolicyType {
	if d == ingress {
		return networkingv1.PolicyTypeIngress
	}
	return networkingv1.PolicyTypeEgress
}

func (d direction) other() direction {
	if d == ingress {
		return egress
	}
	return ingress
}

// of are the policy's rules of the direction; their peers and ports are the policy's own.
func (d direction) of(p *policy) []rule {
	var list []rule
	if d == ingress {
		for _, r := range p.Spec.Ingress {
			list = append(list, rule{r.From, r.Ports})
		}
		return list
	}
	for _, r := range p.Spec.Egress {
		list = append(list, rule{r.To, r.Ports})
	}
	return list
}

// set gives the policy other rules of the direction.
func (d direction) set(p *policy, list []rule) {
	if d == ingress {
		p.Spec.Ingress = nil
		for _, r := range list {
			p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: r.peers, Ports: r.ports})
		}
		return
	}
	p.Spec.Egress = nil
	for _, r := range list {
		p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: r.peers, Ports: r.ports})
	}
}

// rulesOf are the rules of both directions.
func rulesOf(p *policy) []rule { return append(ingress.of(p), egress.of(p)...) }

// edit changes the rules that a policy of the namespace has in one direction.
type edit func(namespace string, list []rule) []rule

// ruleOp is a way to misread rules.
type ruleOp struct {
	name, text string
	edit       edit
}

// both are the mutations by which the rules of one direction are misread.
func both(ops []ruleOp) []Mutation {
	var list []Mutation
	for _, op := range ops {
		for _, d := range directions() {
			list = append(list, in(d, op))
		}
	}
	return list
}

func in(d direction, op ruleOp) Mutation {
	return at("in "+string(d), op.name, op.text, eachPolicy(func(p *policy) {
		d.set(p, op.edit(p.Namespace, d.of(p)))
	}))
}

func ruleOps() []ruleOp {
	return []ruleOp{
		{"rule-without-peers-dropped", "a rule without peers admits nobody", dropRules(func(r rule) bool { return len(r.peers) == 0 })},
		{"rule-without-ports-dropped", "a rule without ports admits nothing", dropRules(func(r rule) bool { return len(r.ports) == 0 })},
		{"empty-rule-dropped", "a rule without peers and ports admits nothing", dropRules(func(r rule) bool { return len(r.peers)+len(r.ports) == 0 })},
		{"third-rule-dropped", "rules after the second do not count", func(_ string, list []rule) []rule { return list[:min(2, len(list))] }},
		{"rules-of-equal-ports-first-only", "of rules with equal ports only the first counts", firstOfEqual(func(r rule) string { return text(r.ports) })},
		{"rules-of-equal-peers-first-only", "of rules with equal peers only the first counts", firstOfEqual(func(r rule) string { return text(r.peers) })},
		{"first-rule-peers-for-all", "every rule has the peers of the first", func(_ string, list []rule) []rule {
			for i := range list {
				list[i].peers = list[0].peers
			}
			return list
		}},
		{"first-rule-ports-for-all", "every rule has the ports of the first", func(_ string, list []rule) []rule {
			for i := range list {
				list[i].ports = list[0].ports
			}
			return list
		}},
	}
}

// eachRule changes the rules one by one.
func eachRule(change func(*rule)) edit {
	return func(_ string, list []rule) []rule {
		for i := range list {
			change(&list[i])
		}
		return list
	}
}

func dropRules(match func(rule) bool) edit {
	return func(_ string, list []rule) []rule { return slices.DeleteFunc(list, match) }
}

func firstOfEqual(key func(rule) string) edit {
	return func(_ string, list []rule) []rule {
		seen := map[string]bool{}
		return slices.DeleteFunc(list, func(r rule) bool { return again(seen, key(r)) })
	}
}

// again reports whether the key was seen before, and sees it.
func again(seen map[string]bool, key string) bool {
	before := seen[key]
	seen[key] = true
	return before
}
