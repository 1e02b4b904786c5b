package mutation

import (
	"maps"
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
)

// slotKind are slots of one kind.
type slotKind struct {
	name, text string
	is         func(slot) bool
}

func slotKinds() []slotKind {
	list := []slotKind{{"subjects", "the podSelector of a policy", func(s slot) bool { return !s.isPeer() }}}
	for _, d := range directions() {
		of := func(s slot) bool { return s.isPeer() && s.direction == d }
		list = append(list,
			slotKind{string(d) + "-peers-of-own-namespace", "a peer of " + string(d) + " with a podSelector alone", func(s slot) bool { return of(s) && s.spaces == nil }},
			slotKind{string(d) + "-namespaces", "a peer of " + string(d) + " with a namespaceSelector alone", func(s slot) bool { return of(s) && s.spaces != nil && empty(*s.pods) }},
			slotKind{string(d) + "-peers-with-both", "a peer of " + string(d) + " with both selectors", func(s slot) bool { return of(s) && s.spaces != nil && !empty(*s.pods) }},
		)
	}
	return list
}

// operatorKinds are slots with an operator in the podSelector of policies, or in either
// selector of peers.
func operatorKinds() []slotKind {
	var list []slotKind
	for _, op := range []struct{ name, text string }{{"In", "In"}, {"NotIn", "NotIn"}, {"Exists", "Exists"}, {"DoesNotExist", "DoesNotExist"}} {
		uses := func(s *selector) bool {
			return s != nil && slices.ContainsFunc(s.MatchExpressions, func(r requirement) bool { return string(r.Operator) == op.name })
		}
		list = append(list,
			slotKind{"subjects-by-" + op.name, "the podSelector of a policy with " + op.text, func(s slot) bool { return !s.isPeer() && uses(s.pods) }},
			slotKind{"pods-by-" + op.name, "the podSelector of a peer with " + op.text, func(s slot) bool { return s.isPeer() && uses(s.pods) }},
			slotKind{"namespaces-by-" + op.name, "a namespaceSelector with " + op.text, func(s slot) bool { return uses(s.spaces) }},
		)
	}
	return list
}

// frozenMembers are the mutations by which whom a selector holds is not kept up to date.
func frozenMembers() []Mutation {
	var list []Mutation
	for _, k := range slices.Concat(slotKinds(), operatorKinds()) {
		list = append(list,
			Mutation{
				Name:     "joining-" + k.name + "-missed",
				Sentence: "A pod that comes to match " + k.text + " by other labels, its own or its namespace's, is not held by it, until the policy changes.",
				New:      frozen(k.is, func(members) bool { return true }, func(held, now bool) bool { return held && now }),
			},
			Mutation{
				Name:     "leaving-" + k.name + "-missed",
				Sentence: "A pod that comes not to match " + k.text + " by other labels, its own or its namespace's, is held by it, until the policy changes.",
				New:      frozen(k.is, func(members) bool { return true }, func(held, now bool) bool { return held || now }),
			},
		)
	}
	return append(list, emptyMembers()...)
}

// emptyMembers are those by which a selector that holds nobody, or would hold nobody, is
// not kept up to date.
func emptyMembers() []Mutation {
	var list []Mutation
	for _, k := range slotKinds() {
		list = append(list,
			Mutation{
				Name:     "first-joining-" + k.name + "-missed",
				Sentence: "Pods that come to match " + k.text + " which matches nobody are not held by it, until the policy changes.",
				New:      frozen(k.is, func(held members) bool { return len(held) == 0 }, func(held, _ bool) bool { return held }),
			},
			Mutation{
				Name:     "last-leaving-" + k.name + "-missed",
				Sentence: "The pods that " + k.text + " matched last stay held by it, until it matches others or the policy changes.",
				New:      frozen(k.is, nil, func(held, _ bool) bool { return held }),
			},
		)
	}
	return list
}

// frozen decides for each pod from whether the slot held it, and whether it should hold it,
// in slots for which when holds of those that it held; nil: that it should hold nobody.
func frozen(is func(slot) bool, when func(held members) bool, holds func(held, now bool) bool) func() Reader {
	return func() Reader {
		var before oracle.State
		held := map[string]members{}
		return func(s oracle.State) oracle.State {
			made := s
			made.Policies = copies(s.Policies)
			same := unchangedPolicies(before, s)
			wrong := false
			for one := range eachSlot(made.Policies) {
				had, now := held[one.key()], one.in(s)
				held[one.key()] = now
				if had == nil || !same[one.policy] || !is(one) || when == nil && len(now) > 0 || when != nil && !when(had) {
					continue
				}
				kept := decided(s, had, now, holds)
				held[one.key()] = kept
				if !maps.Equal(kept, now) {
					wrong = true
					one.pin(kept)
				}
			}
			before = s
			if !wrong {
				return s
			}
			return byNames(made)
		}
	}
}

// decided are the pods for which holds says so.
func decided(s oracle.State, had, now members, holds func(held, now bool) bool) members {
	kept := members{}
	for _, pod := range s.Pods {
		if e := pod.Endpoint(); holds(had[e], now[e]) {
			kept[e] = true
		}
	}
	return kept
}

// pin makes the slot hold these pods, whatever their labels are.
func (s slot) pin(pods members) {
	exactly := selector{MatchExpressions: []requirement{{Key: memberLabel, Operator: opIn, Values: append(names(pods), "nobody")}}}
	*s.pods = exactly
	if s.spaces != nil {
		*s.spaces = selector{}
	}
}

func names(pods members) []string {
	var list []string
	for pod := range pods {
		list = append(list, memberName(pod))
	}
	return list
}

func memberName(e flow.Endpoint) string { return e.Namespace + "." + e.Name }
