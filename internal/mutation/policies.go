package mutation

import (
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
)

// policies are the mutations that are about which policies count, for which directions.
func policies() []Mutation {
	list := []Mutation{
		{Name: "first-policy-of-namespace-only", Sentence: "In each direction only the first policy of a namespace counts.", New: allPolicies(firstOfNamespace)},
		{Name: "last-policy-of-namespace-only", Sentence: "In each direction only the last policy of a namespace counts.", New: allPolicies(func(list []*policy) []*policy {
			slices.Reverse(list)
			list = firstOfNamespace(list)
			slices.Reverse(list)
			return list
		})},
		{Name: "most-specific-policy-only", Sentence: "Only the policies of a namespace whose podSelectors have the most requirements count.", New: allPolicies(func(list []*policy) []*policy {
			return unrivalled(list, func(p, rival *policy) bool { return specificity(rival) > specificity(p) })
		})},
		{Name: "least-specific-policy-only", Sentence: "Only the policies of a namespace whose podSelectors have the fewest requirements count.", New: allPolicies(func(list []*policy) []*policy {
			return unrivalled(list, func(p, rival *policy) bool { return specificity(rival) < specificity(p) })
		})},
		{Name: "deny-all-wins", Sentence: "Where a policy selects all pods and has no rules, those of others in its namespace do not count.", New: allPolicies(denyAllWins)},
		{Name: "policies-of-equal-subject-first-only", Sentence: "Of policies of a namespace with equal podSelectors and directions only the first counts.", New: onlyFirst(func(p *policy) string {
			return text(requirements(p.Spec.PodSelector)) + text(p.Spec.PolicyTypes)
		})},
		{Name: "policies-of-equal-rules-first-only", Sentence: "Of policies of a namespace with equal rules only the first counts.", New: onlyFirst(func(p *policy) string {
			if len(rulesOf(p)) == 0 {
				return p.Name
			}
			return text(p.Spec.Ingress) + text(p.Spec.Egress)
		})},
		{Name: "policy-names-with-dots-as-dashes", Sentence: "Of policies whose names differ in dots and dashes only the first counts.", New: onlyFirst(func(p *policy) string {
			return strings.ReplaceAll(p.Name, ".", "-")
		})},
		{Name: "policy-names-of-30-characters", Sentence: "Of policies whose names begin with the same 30 characters only the first counts.", New: onlyFirst(func(p *policy) string {
			return p.Name[:min(30, len(p.Name))]
		})},
		{Name: "policies-without-rules-ignored", Sentence: "A policy without rules isolates nobody.", New: allPolicies(func(list []*policy) []*policy {
			return slices.DeleteFunc(list, func(p *policy) bool { return len(rulesOf(p)) == 0 })
		})},
	}
	for _, d := range directions() {
		list = append(list, ofTypes(d, d.other())...)
	}
	return list
}

// ofTypes are the mutations by which a policy isolates in one direction too many or too few.
func ofTypes(d, other direction) []Mutation {
	return []Mutation{
		{Name: string(d) + "-of-both-ignored", Sentence: "A policy for both directions has no " + string(d) + ".", New: eachPolicy(func(p *policy) {
			if len(p.Spec.PolicyTypes) == 2 {
				p.Spec.PolicyTypes = []networkingv1.PolicyType{other.policyType()}
				d.set(p, nil)
			}
		})},
		{Name: string(d) + "-only-isolates-" + string(other), Sentence: "A policy for " + string(d) + " alone isolates in " + string(other) + " too.", New: eachPolicy(func(p *policy) {
			if slices.Equal(p.Spec.PolicyTypes, []networkingv1.PolicyType{d.policyType()}) {
				p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, other.policyType())
			}
		})},
	}
}

// onlyFirst lets only the first policy count of those of a namespace with equal keys.
func onlyFirst(key func(*policy) string) func() Reader {
	return allPolicies(func(list []*policy) []*policy {
		seen := map[string]bool{}
		return slices.DeleteFunc(list, func(p *policy) bool { return again(seen, p.Namespace+"/"+key(p)) })
	})
}

func firstOfNamespace(list []*policy) []*policy {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(p *policy) bool {
		p.Spec.PolicyTypes = slices.DeleteFunc(p.Spec.PolicyTypes, func(t networkingv1.PolicyType) bool {
			return again(seen, p.Namespace+"/"+string(t))
		})
		return len(p.Spec.PolicyTypes) == 0
	})
}

// unrivalled are the policies that none of their namespace, with a direction in common, beats.
func unrivalled(list []*policy, beats func(p, rival *policy) bool) []*policy {
	return slices.DeleteFunc(slices.Clone(list), func(p *policy) bool {
		return slices.ContainsFunc(list, func(rival *policy) bool {
			return rival.Namespace == p.Namespace && shareType(rival, p) && beats(p, rival)
		})
	})
}

func specificity(p *policy) int { return len(requirements(p.Spec.PodSelector)) }

func shareType(p, q *policy) bool {
	return slices.ContainsFunc(p.Spec.PolicyTypes, func(t networkingv1.PolicyType) bool { return slices.Contains(q.Spec.PolicyTypes, t) })
}

func denyAllWins(list []*policy) []*policy {
	for _, d := range directions() {
		closed := map[string]bool{}
		for _, p := range list {
			if empty(p.Spec.PodSelector) && slices.Contains(p.Spec.PolicyTypes, d.policyType()) && len(d.of(p)) == 0 {
				closed[p.Namespace] = true
			}
		}
		for _, p := range list {
			if closed[p.Namespace] {
				d.set(p, nil)
			}
		}
	}
	return list
}
