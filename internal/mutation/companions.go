package mutation

import (
	"slices"

	"github.com/cniproof/cniproof/internal/oracle"
)

// event is what may happen to a policy; one of the two is nil where there is none.
type event struct {
	name, text string
	several    string // the same of more than one
	happens    func(before, after *policy) bool
}

func events() []event {
	return []event{
		{"deletion", "A policy that is deleted", "several policies are deleted", func(_, after *policy) bool { return after == nil }},
		{"update", "A policy that changes", "several policies change", func(before, after *policy) bool { return before != nil && after != nil && !sameSpec(before, after) }},
		{"creation", "A policy that comes", "several policies come", func(before, _ *policy) bool { return before == nil }},
	}
}

// relation is what two policies have in common.
type relation struct {
	name, text string
	holds      func(p, q *policy) bool
}

func relations() []relation {
	return []relation{
		{"equal-names", "of the same name", func(p, q *policy) bool { return p.Name == q.Name }},
		{"equal-subjects", "with the same podSelector in its namespace", sameSubject},
		{"equal-subjects-elsewhere", "with the same podSelector in other namespaces", func(p, q *policy) bool {
			return !sameNamespace(p, q) && text(requirements(p.Spec.PodSelector)) == text(requirements(q.Spec.PodSelector))
		}},
		{"equal-specs", "of the same spec", sameSpec},
		{"equal-specs-in-its-namespace", "of the same spec in its namespace", func(p, q *policy) bool { return sameNamespace(p, q) && sameSpec(p, q) }},
		{"equal-rules", "with the same rules in its namespace", func(p, q *policy) bool {
			return sameNamespace(p, q) && len(rulesOf(p)) > 0 && text(p.Spec.Ingress) == text(q.Spec.Ingress) && text(p.Spec.Egress) == text(q.Spec.Egress)
		}},
		{"its-namespace", "of its namespace", sameNamespace},
		{"names-that-begin-with-its-own", "of its namespace whose names begin with its own", beginsWith},
		{"shared-peers", "that have a peer in common with it", func(p, q *policy) bool { return share(peerTexts(p), peerTexts(q)) }},
		{"shared-cidrs", "that have a CIDR in common with it", func(p, q *policy) bool { return share(cidrs(p), cidrs(q)) }},
		{"shared-names-of-ports", "that have the name of a port in common with it", func(p, q *policy) bool { return share(portNames(p), portNames(q)) }},
	}
}

// companions are the mutations by which what happens to a policy takes others along, until
// these change.
func companions() []Mutation {
	var list []Mutation
	for _, e := range events() {
		for _, r := range relations() {
			list = append(list, Mutation{
				Name: e.name + "-takes-along-" + r.name, Sentence: e.text + " takes those along " + r.text + ".", New: takesAlong(e, r),
			})
		}
	}
	return list
}

func takesAlong(e event, r relation) func() Reader {
	return func() Reader {
		old, lost := map[policyName]*policy{}, map[policyName]bool{}
		return func(s oracle.State) oracle.State {
			now := byName(s.Policies)
			for name, p := range now {
				if before := old[name]; before == nil || !sameSpec(before, p) {
					delete(lost, name)
				}
			}
			for _, p := range happened(e, old, now) {
				loseAlong(lost, p, old, now, r)
			}
			old = now
			s.Policies = slices.DeleteFunc(slices.Clone(s.Policies), func(p *policy) bool { return lost[nameOf(p)] })
			return s
		}
	}
}

// happened are the policies to which it happened, as they are, or were last.
func happened(e event, old, now map[policyName]*policy) []*policy {
	var list []*policy
	for name, after := range now {
		if e.happens(old[name], after) {
			list = append(list, after)
		}
	}
	for name, before := range old {
		if now[name] == nil && e.happens(before, nil) {
			list = append(list, before)
		}
	}
	return list
}

// loseAlong notes the policies that go with one. Those of this moment do not.
func loseAlong(lost map[policyName]bool, cause *policy, old, now map[policyName]*policy, r relation) {
	for name, p := range now {
		if before := old[name]; before != nil && sameSpec(before, p) && name != nameOf(cause) && r.holds(cause, p) {
			lost[name] = true
		}
	}
}
