package mutation

import (
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/oracle"
)

// onDeletion misreads deletions. What remains returns, of a copy of a policy that is gone
// and of those that there are, stays until there is a policy of that name again; nil: nothing.
func onDeletion(remains func(gone *policy, now []*policy) *policy) func() Reader {
	return func() Reader {
		old, left := map[policyName]*policy{}, map[policyName]*policy{}
		return func(s oracle.State) oracle.State {
			now := byName(s.Policies)
			for name, p := range old {
				if now[name] == nil {
					left[name] = remains(p.DeepCopy(), s.Policies)
				}
			}
			maps.DeleteFunc(left, func(name policyName, p *policy) bool { return p == nil || now[name] != nil })
			old = now
			s.Policies = slices.AppendSeq(slices.Clone(s.Policies), maps.Values(left))
			return s
		}
	}
}

func byName(list []*policy) map[policyName]*policy {
	named := map[policyName]*policy{}
	for _, p := range list {
		named[nameOf(p)] = p
	}
	return named
}

func deletions() []Mutation {
	list := []Mutation{
		{Name: "last-policy-of-namespace-stays", Sentence: "The deletion of a namespace's last policy is missed.", New: staysIf(func(gone *policy, now []*policy) bool { return !anyOf(gone, now, sameNamespace) })},
		{Name: "last-policy-stays", Sentence: "The deletion of the last policy of all is missed.", New: staysIf(func(_ *policy, now []*policy) bool { return len(now) == 0 })},
		{Name: "policy-beside-others-stays", Sentence: "A deletion is missed while there are other policies in the namespace.", New: staysIf(func(gone *policy, now []*policy) bool { return anyOf(gone, now, sameNamespace) })},
		{Name: "policy-stays-beside-an-equal-one", Sentence: "A deletion is missed while there is a policy of the same spec.", New: staysIf(func(gone *policy, now []*policy) bool { return anyOf(gone, now, sameSpec) })},
		{Name: "policy-stays-beside-one-of-its-subject", Sentence: "A deletion is missed while there is a policy in the namespace with the same podSelector.", New: staysIf(func(gone *policy, now []*policy) bool { return anyOf(gone, now, sameSubject) })},
		{Name: "policy-with-blocks-stays", Sentence: "The deletion of a policy with blocks is missed.", New: staysIf(func(gone *policy, _ []*policy) bool { return len(cidrs(gone)) > 0 })},
		{Name: "policy-with-named-ports-stays", Sentence: "The deletion of a policy with named ports is missed.", New: staysIf(func(gone *policy, _ []*policy) bool { return len(portNames(gone)) > 0 })},
		{Name: "isolation-stays", Sentence: "Of a policy that is deleted the rules go, and the isolation stays.", New: onDeletion(func(gone *policy, _ []*policy) *policy { return withoutRules(gone) })},
		{Name: "isolation-stays-beside-others", Sentence: "Of a policy that is deleted the isolation stays while there are other policies in the namespace.", New: onDeletion(func(gone *policy, now []*policy) *policy {
			if !anyOf(gone, now, sameNamespace) {
				return nil
			}
			return withoutRules(gone)
		})},
		{Name: "egress-stays", Sentence: "Of a policy that is deleted egress stays.", New: onDeletion(func(gone *policy, _ []*policy) *policy { return onlyOf(egress, gone) })},
	}
	for _, d := range directions() {
		list = append(list, Mutation{
			Name: string(d) + "-of-both-stays", Sentence: "Of a policy for both directions that is deleted " + string(d) + " stays.",
			New: onDeletion(func(gone *policy, _ []*policy) *policy {
				if len(gone.Spec.PolicyTypes) < 2 {
					return nil
				}
				return onlyOf(d, gone)
			}),
		})
	}
	return list
}

func staysIf(match func(gone *policy, now []*policy) bool) func() Reader {
	return onDeletion(func(gone *policy, now []*policy) *policy {
		if match(gone, now) {
			return gone
		}
		return nil
	})
}

func anyOf(gone *policy, now []*policy, match func(p, q *policy) bool) bool {
	return slices.ContainsFunc(now, func(p *policy) bool { return match(gone, p) })
}

func withoutRules(p *policy) *policy {
	p.Spec.Ingress, p.Spec.Egress = nil, nil
	return p
}

// onlyOf is the policy in one direction; nil where it is not for that.
func onlyOf(d direction, p *policy) *policy {
	if !slices.Contains(p.Spec.PolicyTypes, d.policyType()) {
		return nil
	}
	p.Spec.PolicyTypes = []networkingv1.PolicyType{d.policyType()}
	return p
}
