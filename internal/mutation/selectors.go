package mutation

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/oracle"
)

type (
	selector    = metav1.LabelSelector
	requirement = metav1.LabelSelectorRequirement
)

const (
	opIn           = metav1.LabelSelectorOpIn
	opNotIn        = metav1.LabelSelectorOpNotIn
	opExists       = metav1.LabelSelectorOpExists
	opDoesNotExist = metav1.LabelSelectorOpDoesNotExist
)

// place is where in a policy a selector stands.
type place struct {
	name string
	// each hands out the place's selectors.
	each func(*policy, func(*selector))
}

func places() []place {
	return []place{
		{"in podSelectors of policies", func(p *policy, do func(*selector)) { do(&p.Spec.PodSelector) }},
		{"in podSelectors of ingress", eachOfPeers(ingress, podsOf)},
		{"in namespaceSelectors of ingress", eachOfPeers(ingress, namespacesOf)},
		{"in podSelectors of egress", eachOfPeers(egress, podsOf)},
		{"in namespaceSelectors of egress", eachOfPeers(egress, namespacesOf)},
	}
}

func ofNamespaces(p place) bool { return strings.HasPrefix(p.name, "in namespaceSelectors") }

// ofSubject reports whether the place is the podSelector that says whom a policy isolates.
func ofSubject(p place) bool { return p.name == "in podSelectors of policies" }

func podsOf(p peer) *selector       { return p.PodSelector }
func namespacesOf(p peer) *selector { return p.NamespaceSelector }

func eachOfPeers(d direction, which func(peer) *selector) func(*policy, func(*selector)) {
	return func(p *policy, do func(*selector)) {
		for _, r := range d.of(p) {
			for _, peer := range r.peers {
				if s := which(peer); s != nil {
					do(s)
				}
			}
		}
	}
}

// selectorOp is a way to misread a selector; the edit returns another one, or the same.
type selectorOp struct {
	name, text string
	edit       func(selector) selector
}

func selectors() []Mutation {
	var list []Mutation
	for _, op := range slices.Concat(selectorOps(), operatorOps(), keyOps()) {
		for _, p := range places() {
			list = append(list, atPlace(p, op))
		}
	}
	for _, op := range nameOps() {
		for _, p := range slices.DeleteFunc(places(), func(p place) bool { return !ofNamespaces(p) }) {
			list = append(list, atPlace(p, op))
		}
	}
	for i, op := range absenceOps(nil) {
		for _, p := range places() {
			list = append(list, at(p.name, op.name, op.text, amongValues(p, i)))
		}
	}
	return list
}

func atPlace(p place, op selectorOp) Mutation {
	return at(p.name, op.name, op.text, eachPolicy(func(np *policy) {
		p.each(np, func(s *selector) { *s = op.edit(*s) })
	}))
}

// amongValues is the mutation by the absenceOp of this index, for the values of each moment.
func amongValues(p place, index int) func() Reader {
	return func() Reader {
		return func(s oracle.State) oracle.State {
			op := absenceOps(values(s))[index]
			s.Policies = copies(s.Policies)
			for _, np := range s.Policies {
				p.each(np, func(s *selector) { *s = op.edit(*s) })
			}
			return s
		}
	}
}

// values are those that labels of the state have, without the empty one.
func values(s oracle.State) []string {
	have := map[string]bool{}
	for _, p := range s.Pods {
		for _, v := range p.Labels {
			have[v] = true
		}
	}
	for _, labels := range s.Namespaces {
		for _, v := range labels {
			have[v] = true
		}
	}
	delete(have, "")
	return slices.Sorted(maps.Keys(have))
}

// selectorOps are about what of a selector counts.
func selectorOps() []selectorOp {
	return []selectorOp{
		{"expressions-ignored", "matchExpressions do not count", func(s selector) selector { return selector{MatchLabels: s.MatchLabels} }},
		{"labels-ignored", "matchLabels do not count", func(s selector) selector { return selector{MatchExpressions: s.MatchExpressions} }},
		{"first-requirement-only", "only the first requirement counts", some(func(l []requirement) []requirement { return first(l, 1) })},
		{"last-requirement-only", "only the last requirement counts", some(func(l []requirement) []requirement { return last(l, 1) })},
		{"first-expression-only", "only the first of matchExpressions counts", func(s selector) selector {
			return selector{MatchLabels: s.MatchLabels, MatchExpressions: first(s.MatchExpressions, 1)}
		}},
		{"empty-selects-none", "an empty selector matches nothing", func(s selector) selector {
			if empty(s) {
				return nothing()
			}
			return s
		}},
		{"same-key-first-only", "of requirements on one key only the first counts", some(firstOfKey)},
		{"same-key-last-only", "of requirements on one key only the last counts", some(func(l []requirement) []requirement {
			l = slices.Clone(l)
			slices.Reverse(l)
			return firstOfKey(l)
		})},
		{"same-key-twice-selects-all", "a selector with two requirements on one key matches everything", func(s selector) selector {
			if l := requirements(s); len(firstOfKey(l)) < len(l) {
				return selector{}
			}
			return s
		}},
	}
}

// keyOps are about requirements on keys of some kind, and on the empty value.
func keyOps() []selectorOp {
	return []selectorOp{
		{"keys-with-domain-ignored", "requirements on keys with a domain do not count", drop(hasDomain)},
		{"keys-with-domain-select-none", "a selector with a key with a domain matches nothing", noneIf(hasDomain)},
		{"keys-of-kubernetes-io-select-none", "a selector with a key of a domain of kubernetes.io matches nothing", noneIf(func(r requirement) bool {
			return hasDomain(r) && strings.Contains(r.Key, "kubernetes.io/")
		})},
		{"empty-value-takes-any", "the empty value stands for any", eachRequirement(func(r requirement) []requirement {
			if r.Operator == opIn && slices.Contains(r.Values, "") {
				return []requirement{{Key: r.Key, Operator: opExists}}
			}
			return []requirement{r}
		})},
		{"empty-value-selects-none", "a selector with the empty value matches nothing", noneIf(func(r requirement) bool { return slices.Contains(r.Values, "") })},
	}
}

// nameOps are about the label by which a namespace has its name.
func nameOps() []selectorOp {
	return []selectorOp{
		{"metadata-name-selects-none", "a selector by kubernetes.io/metadata.name matches nothing", noneIf(isName)},
		{"metadata-name-expression-ignored", "matchExpressions on kubernetes.io/metadata.name do not count", dropExpressions(isName)},
		{"metadata-name-expression-selects-none", "a selector with matchExpressions on kubernetes.io/metadata.name matches nothing", noneIfExpression(isName)},
	}
}

// absenceOps are about absent keys and the empty value, where these are the values that
// labels have besides.
func absenceOps(values []string) []selectorOp {
	emptyOrAbsent := func(key string) []requirement {
		if len(values) == 0 {
			return nil // all that there is
		}
		return []requirement{{Key: key, Operator: opNotIn, Values: values}}
	}
	return []selectorOp{
		{"does-not-exist-takes-empty-value", "DoesNotExist matches an empty value", eachRequirement(func(r requirement) []requirement {
			if r.Operator == opDoesNotExist {
				return emptyOrAbsent(r.Key)
			}
			return []requirement{r}
		})},
		{"empty-value-takes-absence", "the empty value matches where the key is absent", eachRequirement(func(r requirement) []requirement {
			if r.Operator == opIn && slices.Equal(r.Values, []string{""}) {
				return emptyOrAbsent(r.Key)
			}
			return []requirement{r}
		})},
	}
}

func isName(r requirement) bool { return r.Key == corev1.LabelMetadataName }

func hasDomain(r requirement) bool { return strings.Contains(r.Key, "/") && !isName(r) }

// requirements are all of a selector, those of matchLabels first.
func requirements(s selector) []requirement {
	var list []requirement
	for _, key := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		list = append(list, requirement{Key: key, Operator: opIn, Values: []string{s.MatchLabels[key]}})
	}
	return append(list, s.MatchExpressions...)
}

func empty(s selector) bool { return len(s.MatchLabels)+len(s.MatchExpressions) == 0 }

// nothing matches nothing.
func nothing() selector {
	return selector{MatchExpressions: []requirement{{Key: "none", Operator: opExists}, {Key: "none", Operator: opDoesNotExist}}}
}

// some takes a selector for some of its requirements.
func some(which func([]requirement) []requirement) func(selector) selector {
	return func(s selector) selector {
		list := requirements(s)
		made := which(list)
		if len(made) == len(list) {
			return s
		}
		return selector{MatchExpressions: made}
	}
}

func firstOfKey(list []requirement) []requirement {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(list), func(r requirement) bool { return again(seen, r.Key) })
}

// eachRequirement puts others in the place of a selector's requirements. What stays as it
// is stays in matchLabels.
func eachRequirement(change func(requirement) []requirement) func(selector) selector {
	return func(s selector) selector {
		made := selector{MatchLabels: map[string]string{}}
		for _, r := range requirements(selector{MatchLabels: s.MatchLabels}) {
			if others := change(r); reflect.DeepEqual(others, []requirement{r}) {
				made.MatchLabels[r.Key] = r.Values[0]
			} else {
				made.MatchExpressions = append(made.MatchExpressions, others...)
			}
		}
		for _, r := range s.MatchExpressions {
			made.MatchExpressions = append(made.MatchExpressions, change(r)...)
		}
		return made
	}
}

func drop(match func(requirement) bool) func(selector) selector {
	return some(func(l []requirement) []requirement { return slices.DeleteFunc(slices.Clone(l), match) })
}

func dropExpressions(match func(requirement) bool) func(selector) selector {
	return func(s selector) selector {
		s.MatchExpressions = slices.DeleteFunc(s.MatchExpressions, match)
		return s
	}
}

func noneIf(match func(requirement) bool) func(selector) selector {
	return func(s selector) selector {
		if slices.ContainsFunc(requirements(s), match) {
			return nothing()
		}
		return s
	}
}

func noneIfExpression(match func(requirement) bool) func(selector) selector {
	return func(s selector) selector {
		if slices.ContainsFunc(s.MatchExpressions, match) {
			return nothing()
		}
		return s
	}
}
