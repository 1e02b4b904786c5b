package mutation

import (
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// identities are the mutations by which what policies make of a pod is worked out once for
// all pods of equal labels in namespaces of equal labels, and kept when the last such pod is
// gone.
func identities() []Mutation {
	return []Mutation{
		{Name: "labels-that-come-back-know-old-policies", Sentence: "A pod that gets labels which one had before, and none had last, is not held by policies that came or changed meanwhile.", New: comesBack(true)},
		{Name: "labels-of-others-know-old-policies", Sentence: "A pod that gets the labels of another one is not held by policies that came or changed since these were first seen.", New: comesBack(false)},
	}
}

// comesBack remembers the policies of the moment when labels were seen: last, or first.
func comesBack(last bool) func() Reader {
	return func() Reader {
		known := map[string][]*policy{} // by labels
		had := map[flow.Endpoint]string{}
		unheld := map[flow.Endpoint][]*policy{} // policies that should hold the pod
		return func(s oracle.State) oracle.State {
			bearers := map[string]bool{}
			for _, labels := range had {
				bearers[labels] = true
			}
			for _, p := range s.Pods {
				e, labels := p.Endpoint(), identity(s, p)
				if had[e] == "" || had[e] == labels {
					continue
				}
				unheld[e] = nil
				if old, seen := known[labels]; seen && bearers[labels] != last {
					unheld[e] = newSince(old, s.Policies)
				}
			}
			for _, p := range s.Pods {
				labels := identity(s, p)
				had[p.Endpoint()] = labels
				if _, seen := known[labels]; last || !seen {
					known[labels] = s.Policies
				}
			}
			return withoutHolding(s, unheld)
		}
	}
}

// newSince are the policies that were not there, or were others.
func newSince(old, now []*policy) []*policy {
	return slices.DeleteFunc(slices.Clone(now), func(p *policy) bool {
		return slices.ContainsFunc(old, func(o *policy) bool { return o == p || nameOf(o) == nameOf(p) && sameSpec(o, p) })
	})
}

// withoutHolding is the state in which policies do not hold pods.
func withoutHolding(s oracle.State, unheld map[flow.Endpoint][]*policy) oracle.State {
	made := s
	made.Policies = slices.Clone(s.Policies)
	for i, p := range s.Policies {
		for e, list := range unheld {
			if slices.Contains(list, p) {
				if made.Policies[i] == p {
					made.Policies[i] = p.DeepCopy()
				}
				leaveOut(made.Policies[i], e)
			}
		}
	}
	if slices.Equal(made.Policies, s.Policies) {
		return s
	}
	return byNames(made)
}

func identity(s oracle.State, p scenario.Pod) string {
	return p.Namespace + text(s.Namespaces[p.Namespace]) + text(p.Labels)
}

// leaveOut has no selector of the policy hold the pod.
func leaveOut(p *policy, e flow.Endpoint) {
	for _, one := range slots(p) {
		one.pods.MatchExpressions = append(one.pods.MatchExpressions, requirement{Key: memberLabel, Operator: opNotIn, Values: []string{memberName(e)}})
	}
}
