package mutation

import (
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/oracle"
)

// update is a policy that has changed: as it was, as the plugin had it, and as it is.
type update struct{ old, held, now *policy }

// onUpdate misreads updates. What take returns is what the plugin has from then on; it is
// handed copies.
func onUpdate(take func(update) *policy) func() Reader {
	return func() Reader {
		var old, held map[policyName]*policy
		return func(s oracle.State) oracle.State {
			now, have := map[policyName]*policy{}, map[policyName]*policy{}
			list := make([]*policy, len(s.Policies))
			for i, p := range s.Policies {
				name := nameOf(p)
				list[i] = taken(update{old[name], held[name], p}, take)
				now[name], have[name] = p, list[i]
			}
			old, held = now, have
			s.Policies = list
			return s
		}
	}
}

func taken(u update, take func(update) *policy) *policy {
	switch {
	case u.old == nil:
		return u.now
	case u.old == u.now || sameSpec(u.old, u.now):
		return u.held
	}
	return take(update{u.old.DeepCopy(), u.held.DeepCopy(), u.now.DeepCopy()})
}

// missedIf misses the updates that match.
func missedIf(match func(update) bool) func() Reader {
	return onUpdate(func(u update) *policy {
		if match(u) {
			return u.held
		}
		return u.now
	})
}

// part is a part of policies: erasing it makes policies equal that differ in nothing else.
type part struct {
	name, text string
	erase      func(*policy)
}

// missedUpdates are the mutations by which an update of one part alone is missed.
func missedUpdates() []Mutation {
	var list []Mutation
	for _, p := range append(ruleParts(), selectorParts()...) {
		list = append(list, Mutation{
			Name:     "update-of-" + p.name + "-missed",
			Sentence: "An update that changes nothing but " + p.text + " is missed.",
			New: missedIf(func(u update) bool {
				p.erase(u.old)
				now := u.now.DeepCopy()
				p.erase(now)
				return sameSpec(u.old, now)
			}),
		})
	}
	return list
}

// ruleParts are all parts that are no selectors.
func ruleParts() []part {
	return []part{
		{"protocols", "protocols of ports", erasePorts(func(p *port) { p.Protocol = nil })},
		{"ends-of-ranges", "the ends of ranges of ports", erasePorts(func(p *port) { p.EndPort = nil })},
		{"ports", "ports", erasePorts(func(p *port) { p.Port = nil })},
		{"numbers-and-names-of-ports", "the numbers and names of ports", erasePorts(func(p *port) {
			if p.Port != nil {
				p.Port = &intstr.IntOrString{IntVal: 1}
			}
		})},
		{"lists-of-ports", "lists of ports", eraseRules(func(r *rule) { r.ports = nil })},
		{"ports-after-the-first", "ports after the first of a rule", eraseRules(func(r *rule) { r.ports = first(r.ports, 1) })},
		{"cidrs", "the CIDRs of blocks", eraseBlocks(func(b *block) { b.CIDR = "" })},
		{"lengths-of-cidrs", "the lengths of CIDRs", eraseBlocks(func(b *block) { b.CIDR = before(b.CIDR, "/") })},
		{"excepts", "excepts", eraseBlocks(func(b *block) { b.Except = nil })},
		{"excepts-after-the-first", "excepts after the first of a block", eraseBlocks(func(b *block) { b.Except = first(b.Except, 1) })},
		{"lists-of-peers", "lists of peers", eraseRules(func(r *rule) { r.peers = nil })},
		{"peers-after-the-first", "peers after the first of a rule", eraseRules(func(r *rule) { r.peers = first(r.peers, 1) })},
		{"rules-after-the-first", "rules after the first of a direction", eraseAfter(1)},
		{"rules-after-the-second", "rules after the second of a direction", eraseAfter(2)},
		{"ingress", "ingress", func(p *policy) { p.Spec.Ingress = nil }},
		{"egress", "egress", func(p *policy) { p.Spec.Egress = nil }},
		{"policy-types", "policyTypes", func(p *policy) { p.Spec.PolicyTypes = nil }},
	}
}

func selectorParts() []part {
	return []part{
		{"subjects", "the podSelector of the policy", func(p *policy) { p.Spec.PodSelector = selector{} }},
		{"operators", "operators of selectors", eraseAll(func(s *selector) { eachExpression(s, func(r *requirement) { r.Operator = "" }) })},
		{"values", "values of matchExpressions", eraseAll(func(s *selector) { eachExpression(s, func(r *requirement) { r.Values = nil }) })},
		{"values-after-the-first", "values of matchExpressions after the first of each", eraseAll(func(s *selector) {
			eachExpression(s, func(r *requirement) { r.Values = first(r.Values, 1) })
		})},
		{"expressions", "matchExpressions", eraseAll(withoutExpressions)},
		{"expressions-of-peers", "matchExpressions of peers", ofPeers(withoutExpressions)},
		{"expressions-of-subjects", "matchExpressions of the policy's podSelector", func(p *policy) { withoutExpressions(&p.Spec.PodSelector) }},
		{"labels", "matchLabels", eraseAll(withoutLabels)},
		{"labels-of-peers", "matchLabels of peers", ofPeers(withoutLabels)},
		{"values-of-labels-of-peers", "values of matchLabels of peers", ofPeers(func(s *selector) {
			for key := range s.MatchLabels {
				s.MatchLabels[key] = ""
			}
		})},
		{"pod-selectors-of-peers", "the podSelectors of peers", eraseRules(func(r *rule) {
			for i := range r.peers {
				r.peers[i].PodSelector = nil
			}
		})},
		{"namespace-selectors-of-peers", "the namespaceSelectors of peers", eraseRules(func(r *rule) {
			for i := range r.peers {
				r.peers[i].NamespaceSelector = nil
			}
		})},
		{"requirements-of-pod-selectors-of-peers", "what the podSelectors of peers require", ofPlaces(func(p place) bool { return !ofSubject(p) && !ofNamespaces(p) }, func(s *selector) { *s = selector{} })},
		{"requirements-of-namespace-selectors-of-peers", "what the namespaceSelectors of peers require", ofPlaces(ofNamespaces, func(s *selector) { *s = selector{} })},
	}
}

func eraseRules(erase func(*rule)) func(*policy) {
	return func(p *policy) { eachRuleOf([]*policy{p}, erase) }
}

func erasePorts(erase func(*port)) func(*policy) {
	return eraseRules(func(r *rule) {
		for i := range r.ports {
			erase(&r.ports[i])
		}
	})
}

func eraseBlocks(erase func(*block)) func(*policy) {
	return eraseRules(func(r *rule) {
		for _, p := range r.peers {
			if isBlock(p) {
				erase(p.IPBlock)
			}
		}
	})
}

func eraseAfter(n int) func(*policy) {
	return func(p *policy) {
		p.Spec.Ingress = first(p.Spec.Ingress, n)
		p.Spec.Egress = first(p.Spec.Egress, n)
	}
}

func eraseAll(erase func(*selector)) func(*policy) {
	return ofPlaces(func(place) bool { return true }, erase)
}

func ofPeers(erase func(*selector)) func(*policy) {
	return ofPlaces(func(p place) bool { return !ofSubject(p) }, erase)
}

func ofPlaces(match func(place) bool, erase func(*selector)) func(*policy) {
	return func(np *policy) {
		for _, p := range places() {
			if match(p) {
				p.each(np, erase)
			}
		}
	}
}

func eachExpression(s *selector, erase func(*requirement)) {
	for i := range s.MatchExpressions {
		erase(&s.MatchExpressions[i])
	}
}

func withoutExpressions(s *selector) { s.MatchExpressions = nil }
func withoutLabels(s *selector)      { s.MatchLabels = nil }

// halfUpdates are the mutations by which something is left over from before an update, or
// which depend on which update it is.
func halfUpdates() []Mutation {
	list := []Mutation{
		{Name: "updates-add-rules", Sentence: "An update adds its rules to those that the policy had.", New: onUpdate(func(u update) *policy {
			for _, d := range directions() {
				d.set(u.now, append(d.of(u.now), d.of(u.held)...))
			}
			return u.now
		})},
		{Name: "update-to-fewer-types-missed", Sentence: "A policy that is for both directions remains for both.", New: onUpdate(func(u update) *policy {
			return keepTypes(u, len(u.now.Spec.PolicyTypes) < len(u.old.Spec.PolicyTypes))
		})},
		{Name: "update-to-more-types-missed", Sentence: "A policy that is for one direction remains for that alone.", New: onUpdate(func(u update) *policy {
			return keepTypes(u, len(u.now.Spec.PolicyTypes) > len(u.old.Spec.PolicyTypes))
		})},
		{Name: "update-to-another-type-missed", Sentence: "A policy for one direction remains for that one when it is updated to the other.", New: onUpdate(func(u update) *policy {
			return keepTypes(u, len(u.now.Spec.PolicyTypes) == len(u.old.Spec.PolicyTypes))
		})},
		{Name: "second-update-missed", Sentence: "The second update of a policy is missed.", New: func() Reader {
			n := map[policyName]int{}
			return missedIf(func(u update) bool {
				n[nameOf(u.now)]++
				return n[nameOf(u.now)] == 2
			})()
		}},
		{Name: "update-back-to-the-first-missed", Sentence: "An update that makes a policy what it was at first is missed.", New: func() Reader {
			at := map[policyName]*policy{}
			return missedIf(func(u update) bool {
				name := nameOf(u.now)
				if at[name] == nil {
					at[name] = u.old
				}
				return sameSpec(at[name], u.now)
			})()
		}},
	}
	for _, d := range directions() {
		list = append(list, halfUpdatesOf(d)...)
	}
	return list
}

func keepTypes(u update, yes bool) *policy {
	if yes {
		u.now.Spec.PolicyTypes = u.held.Spec.PolicyTypes
	}
	return u.now
}

func halfUpdatesOf(d direction) []Mutation {
	where := "in " + string(d)
	return []Mutation{
		at(where, "updates-add-rules", "an update adds its rules to those that the policy had", onUpdate(func(u update) *policy {
			d.set(u.now, append(d.of(u.now), d.of(u.held)...))
			return u.now
		})),
		at(where, "updates-add-peers", "an update adds the peers of each rule to those that it had", onUpdate(func(u update) *policy {
			return addToRules(d, u, func(now, held *rule) {
				if len(now.peers) > 0 {
					now.peers = append(now.peers, held.peers...)
				}
			})
		})),
		at(where, "updates-add-ports", "an update adds the ports of each rule to those that it had", onUpdate(func(u update) *policy {
			return addToRules(d, u, func(now, held *rule) {
				if len(now.ports) > 0 {
					now.ports = append(now.ports, held.ports...)
				}
			})
		})),
		at(where, "update-of-both-directions-missed", "updates of policies for both directions are missed", onUpdate(func(u update) *policy {
			if len(u.now.Spec.PolicyTypes) == 2 {
				d.set(u.now, d.of(u.held))
			}
			return u.now
		})),
	}
}

func addToRules(d direction, u update, add func(now, held *rule)) *policy {
	list, held := d.of(u.now), d.of(u.held)
	for i := range first(list, len(held)) {
		add(&list[i], &held[i])
	}
	d.set(u.now, list)
	return u.now
}
