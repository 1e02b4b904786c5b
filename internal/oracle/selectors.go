package oracle

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// selector is a label selector made ready. The zero selector is not one.
type selector struct {
	labels.Selector
}

// newSelector reads a selector that is there: an absent one means something else in
// every place, so that the caller has to decide.
func newSelector(s *metav1.LabelSelector) (selector, error) {
	made, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return selector{}, err
	}
	return selector{made}, nil
}

func (s selector) matches(have map[string]string) bool { return s.Matches(labels.Set(have)) }

// requirement is one condition of a selector, for sentences.
type requirement struct{ labels.Requirement }

func (s selector) requirements() []requirement {
	list, _ := s.Requirements()
	made := make([]requirement, len(list))
	for i, r := range list {
		made[i] = requirement{r}
	}
	return made
}

// text is the condition as sentences name it; name translates values.
func (r requirement) text(name func(key, value string) string) string {
	values := make([]string, 0, len(r.ValuesUnsorted()))
	for _, v := range r.ValuesUnsorted() {
		values = append(values, name(r.Key(), v))
	}
	slices.Sort(values)
	list := strings.Join(values, ", ")
	switch r.Operator() {
	case selection.Equals, selection.DoubleEquals:
		return r.Key() + "=" + list
	case selection.In:
		return fmt.Sprintf("%s in (%s)", r.Key(), list)
	case selection.NotIn, selection.NotEquals:
		return fmt.Sprintf("%s not in (%s)", r.Key(), list)
	case selection.Exists:
		return fmt.Sprintf("%s of any value", r.Key())
	case selection.DoesNotExist:
		return fmt.Sprintf("%s absent", r.Key())
	case selection.GreaterThan, selection.LessThan: // not part of label selectors
	}
	return r.Requirement.String()
}

// what names all conditions, for "pods with ..."; "" for none.
func (w *World) what(s selector) string {
	var conditions []string
	for _, r := range s.requirements() {
		conditions = append(conditions, r.text(w.labelValue))
	}
	return strings.Join(conditions, " and ")
}

// unmet names the first condition that the labels do not meet, and what stands
// there instead: "env=staging" and "env=prod". Both are "" if all are met.
func (w *World) unmet(s selector, have map[string]string) (wanted, found string) {
	for _, r := range s.requirements() {
		if r.Matches(labels.Set(have)) {
			continue
		}
		value, ok := have[r.Key()]
		if !ok {
			return r.text(w.labelValue), "no " + r.Key()
		}
		return r.text(w.labelValue), r.Key() + "=" + w.labelValue(r.Key(), value)
	}
	return "", ""
}

// labelValue is a label's value for sentences: the names of namespaces become the
// scenario's own.
func (w *World) labelValue(key, value string) string {
	switch {
	case key == corev1.LabelMetadataName:
		return w.scenarioName(value)
	case value == "":
		return `""`
	}
	return value
}
