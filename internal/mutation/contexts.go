package mutation

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/oracle"
)

// spot is where a rule stands.
type spot struct {
	standing
	place int  // among the rules of its direction
	rule  rule // as it is written
}

// context is a condition under which a rule may be read by code of its own.
type context struct {
	name, text string
	holds      func(spot) bool
}

const withoutPorts = "rules-without-ports"

func contexts() []context {
	return []context{
		{"first-rules", "in the first rule of a direction", func(s spot) bool { return s.place == 0 }},
		{"later-rules", "in a rule after the first", func(s spot) bool { return s.place > 0 }},
		{"rules-with-ports", "in a rule with ports", func(s spot) bool { return len(s.rule.ports) > 0 }},
		{withoutPorts, "in a rule without ports", func(s spot) bool { return len(s.rule.ports) == 0 }},
		{"rules-of-one-peer", "in a rule of one peer", func(s spot) bool { return len(s.rule.peers) == 1 }},
		{"rules-of-several-peers", "in a rule of several peers", func(s spot) bool { return len(s.rule.peers) > 1 }},
		{"policies-for-both-directions", "in a policy for both directions", func(s spot) bool { return len(s.policy.Spec.PolicyTypes) == 2 }},
		{"policies-for-one-direction", "in a policy for one direction", func(s spot) bool { return len(s.policy.Spec.PolicyTypes) == 1 }},
		{"policies-for-all-pods", "in a policy for all pods of its namespace", func(s spot) bool { return empty(s.policy.Spec.PodSelector) }},
		{"policies-for-some-pods", "in a policy for some pods of its namespace", func(s spot) bool { return !empty(s.policy.Spec.PodSelector) }},
		{"policies-beside-others", "in a policy beside another of its namespace and direction", func(s spot) bool { return !s.alone }},
		{"changed-policies", "in a policy that has changed", func(s spot) bool { return s.changed }},
		{"unchanged-policies", "in a policy that has not changed", func(s spot) bool { return !s.changed }},
		{"later-policies", "in a policy that came after others", func(s spot) bool { return s.late }},
		{"first-policies", "in a policy that was among the first", func(s spot) bool { return !s.late }},
		{"policies-alone", "in the only policy of its namespace and direction", func(s spot) bool { return s.alone }},
	}
}

// itemOp is a way to misread a peer, or a port.
type itemOp struct {
	name, text string
	ofPorts    bool
	edit       func(namespace string, r *rule) bool // false: the rule admits nothing
}

func onPeers(match func(peer) bool, change func(*peer)) func(string, *rule) bool {
	return func(_ string, r *rule) bool {
		for i := range r.peers {
			if match(r.peers[i]) {
				change(&r.peers[i])
			}
		}
		return true
	}
}

func itemOps() []itemOp {
	dropping := func(drop edit) func(string, *rule) bool {
		return func(namespace string, r *rule) bool {
			left := drop(namespace, []rule{*r})
			if len(left) == 0 {
				return false
			}
			*r = left[0]
			return true
		}
	}
	anyPod := func(p *peer) { p.PodSelector = nil }
	return []itemOp{
		{"blocks-dropped", "blocks admit nobody", false, dropping(dropPeers(isBlock))},
		{"excepts-ignored", "excepts do not count", false, dropping(eachBlock(func(b *block) { b.Except = nil }))},
		{"pods-of-own-namespace-dropped", "a podSelector alone admits nobody", false, dropping(dropPeers(onlyPods))},
		{"pods-of-own-namespace-everywhere", "a podSelector alone matches pods of all namespaces", false, onPeers(onlyPods, toEverywhere)},
		{"namespaces-dropped", "a namespaceSelector alone admits nobody", false, dropping(dropPeers(func(p peer) bool { return hasNamespaces(p) && !hasBoth(p) }))},
		{"namespaces-ignored", "namespaceSelectors do not count", false, onPeers(hasNamespaces, toEverywhere)},
		{"pods-beside-namespaces-dropped", "a peer with both selectors admits nobody", false, dropping(dropPeers(hasBoth))},
		{"pods-beside-namespaces-ignored", "a podSelector beside a namespaceSelector does not count", false, onPeers(hasBoth, anyPod)},
		{"named-ports-dropped", "named ports are none", true, dropping(dropPorts(isNamed))},
		{"numbers-of-ports-dropped", "numbers of ports are none", true, dropping(dropPorts(func(p port) bool { return p.Port != nil && isUnnamed(p) }))},
		{"protocols-alone-dropped", "a protocol without a port is none", true, dropping(dropPorts(isWhole))},
		{"udp-dropped", "ports of UDP are none", true, dropping(dropPorts(of("UDP", anyPort)))},
		{"sctp-dropped", "ports of SCTP are none", true, dropping(dropPorts(of("SCTP", anyPort)))},
		{"ports-ignored", "ports do not count", true, func(_ string, r *rule) bool { r.ports = nil; return true }},
		{"peers-ignored", "peers do not count", false, func(_ string, r *rule) bool { r.peers = nil; return true }},
		{"rule-dropped", "the rule does not count", false, func(string, *rule) bool { return false }},
	}
}

// selectorItemOps have a kind of requirement not count, in podSelectors or in namespaceSelectors.
func selectorItemOps() []itemOp {
	var list []itemOp
	for _, which := range []struct {
		name, text string
		of         func(peer) *selector
	}{{"of-pods", "in podSelectors", podsOf}, {"of-namespaces", "in namespaceSelectors", namespacesOf}} {
		ignoring := func(name, text string, drop func(*selector)) itemOp {
			return itemOp{name + "-" + which.name + "-ignored", which.text + " " + text + " does not count", false, onPeers(
				func(p peer) bool { return which.of(p) != nil },
				func(p *peer) { drop(which.of(*p)) },
			)}
		}
		list = append(list, ignoring("labels", "what matchLabels says", withoutLabels))
		for _, op := range []metav1.LabelSelectorOperator{opIn, opNotIn, opExists, opDoesNotExist} {
			list = append(list, ignoring(string(op), string(op), func(s *selector) {
				s.MatchExpressions = slices.DeleteFunc(s.MatchExpressions, func(r requirement) bool { return r.Operator == op })
			}))
		}
	}
	return list
}

// inContexts are the mutations by which something is misread in one context alone.
func inContexts() []Mutation {
	var list []Mutation
	for _, op := range slices.Concat(itemOps(), selectorItemOps()) {
		for _, c := range contexts() {
			if op.ofPorts && c.name == withoutPorts {
				continue // there is nothing to misread
			}
			for _, d := range directions() {
				list = append(list, Mutation{
					Name:     op.name + " in " + string(d) + ", " + c.name,
					Sentence: strings.ToUpper(c.text[:1]) + c.text[1:] + " of " + string(d) + ", " + op.text + ".",
					New:      inContext(d, c, op),
				})
			}
		}
	}
	return list
}

func inContext(d direction, c context, op itemOp) func() Reader {
	return func() Reader {
		came, late := map[policyName]*policy{}, map[policyName]bool{}
		read := map[standing]*policy{} // most policies stay the same object from moment to moment
		return func(s oracle.State) oracle.State {
			begun := len(came) > 0
			beside := map[string]int{}
			for _, p := range s.Policies {
				if came[nameOf(p)] == nil {
					came[nameOf(p)], late[nameOf(p)] = p, begun
				}
				if slices.Contains(p.Spec.PolicyTypes, d.policyType()) {
					beside[p.Namespace]++
				}
			}
			list := make([]*policy, len(s.Policies))
			for i, p := range s.Policies {
				r := standing{p, beside[p.Namespace] < 2, came[nameOf(p)] != p && !sameSpec(came[nameOf(p)], p), late[nameOf(p)]}
				if read[r] == nil {
					read[r] = r.misread(d, c, op)
				}
				list[i] = read[r]
			}
			s.Policies = list
			return s
		}
	}
}

// standing is a policy, and what a context may go by beside its text.
type standing struct {
	policy               *policy
	alone, changed, late bool
}

// misread is the policy itself where nothing of it is in the context.
func (r standing) misread(d direction, c context, op itemOp) *policy {
	touched := false
	made := r.policy.DeepCopy()
	var rules []rule
	written := d.of(r.policy)
	for place, one := range d.of(made) {
		if !c.holds(spot{r, place, written[place]}) {
			rules = append(rules, one)
			continue
		}
		touched = true
		if op.edit(made.Namespace, &one) {
			rules = append(rules, one)
		}
	}
	if !touched {
		return r.policy
	}
	d.set(made, rules)
	if sameSpec(made, r.policy) {
		return r.policy
	}
	return made
}
