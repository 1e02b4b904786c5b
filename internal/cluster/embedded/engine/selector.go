package engine

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// selector is a label selector, ready to match. A nil one is an absent one.
type selector struct {
	requirements []metav1.LabelSelectorRequirement
	faults       Faults
}

func newSelector(s *metav1.LabelSelector, faults Faults) *selector {
	if s == nil {
		return nil
	}
	out := &selector{requirements: slices.Clone(s.MatchExpressions), faults: faults}
	for key, value := range s.MatchLabels {
		out.requirements = append(out.requirements, metav1.LabelSelectorRequirement{
			Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{value},
		})
	}
	out.requirements = atMost(few, inOrder(out.requirements, len(s.MatchLabels)), faults, ManyRequirementsCut)
	return out
}

// matches reports whether the labels satisfy every requirement.
func (s *selector) matches(labels map[string]string) bool {
	if len(s.requirements) == 0 {
		return !s.faults.Has(EmptySelectorSelectsNone)
	}
	for i := range s.requirements {
		if s.misreads(s.requirements[i].Key) || !s.satisfied(&s.requirements[i], labels) {
			return false
		}
	}
	return true
}

func (s *selector) satisfied(r *metav1.LabelSelectorRequirement, labels map[string]string) bool {
	value, present := s.label(labels, r.Key)
	switch r.Operator {
	case metav1.LabelSelectorOpIn:
		return present && s.oneOf(r.Values, value)
	case metav1.LabelSelectorOpNotIn:
		return s.notIn(r.Values, value, present)
	case metav1.LabelSelectorOpExists:
		return present || s.faults.Has(ExistsIgnored)
	case metav1.LabelSelectorOpDoesNotExist:
		return !present || s.faults.Has(DoesNotExistIgnored)
	}
	return false
}

func (s *selector) notIn(values []string, value string, present bool) bool {
	if !present {
		return !s.faults.Has(AbsentKeyFailsNotIn)
	}
	if s.faults.Has(NotInAsOr) {
		return slices.ContainsFunc(values, func(v string) bool { return v != value })
	}
	return !s.oneOf(values, value)
}
