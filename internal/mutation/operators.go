package mutation

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// operatorOps are about what an operator means, and which of its values count.
func operatorOps() []selectorOp {
	return []selectorOp{
		{"in-first-value-only", "only the first value of In counts", eachOf(opIn, func(r requirement) []requirement { return withValues(r, first(r.Values, 1)) })},
		{"in-last-value-only", "only the last value of In counts", eachOf(opIn, func(r requirement) []requirement { return withValues(r, last(r.Values, 1)) })},
		{"in-ignored", "In does not count", dropExpressions(is(opIn))},
		{"in-of-several-ignored", "In with several values does not count", dropExpressions(func(r requirement) bool { return r.Operator == opIn && len(r.Values) > 1 })},
		{"in-selects-none", "a selector with In matches nothing", noneIfExpression(is(opIn))},
		{"not-in-first-value-only", "only the first value of NotIn counts", eachOf(opNotIn, func(r requirement) []requirement { return withValues(r, first(r.Values, 1)) })},
		{"not-in-last-value-only", "only the last value of NotIn counts", eachOf(opNotIn, func(r requirement) []requirement { return withValues(r, last(r.Values, 1)) })},
		{"not-in-ignored", "NotIn does not count", dropExpressions(is(opNotIn))},
		{"not-in-wants-the-key", "NotIn does not match where the key is absent", eachOf(opNotIn, func(r requirement) []requirement {
			return []requirement{r, {Key: r.Key, Operator: opExists}}
		})},
		{"not-in-as-does-not-exist", "NotIn is read as DoesNotExist", eachOf(opNotIn, func(r requirement) []requirement {
			return []requirement{{Key: r.Key, Operator: opDoesNotExist}}
		})},
		{"not-in-as-in", "NotIn is read as In", eachOf(opNotIn, func(r requirement) []requirement {
			return []requirement{{Key: r.Key, Operator: opIn, Values: r.Values}}
		})},
		{"exists-ignored", "Exists does not count", dropExpressions(is(opExists))},
		{"exists-wants-a-value", "Exists does not match an empty value", eachOf(opExists, func(r requirement) []requirement {
			return []requirement{r, {Key: r.Key, Operator: opNotIn, Values: []string{""}}}
		})},
		{"exists-selects-none", "a selector with Exists matches nothing", noneIfExpression(is(opExists))},
		{"does-not-exist-ignored", "DoesNotExist does not count", dropExpressions(is(opDoesNotExist))},
		{"does-not-exist-selects-none", "a selector with DoesNotExist matches nothing", noneIfExpression(is(opDoesNotExist))},
	}
}

func is(operator metav1.LabelSelectorOperator) func(requirement) bool {
	return func(r requirement) bool { return r.Operator == operator }
}

// eachOf puts others in the place of the expressions with the operator.
func eachOf(operator metav1.LabelSelectorOperator, change func(requirement) []requirement) func(selector) selector {
	return func(s selector) selector {
		var made []requirement
		for _, r := range s.MatchExpressions {
			if r.Operator == operator {
				made = append(made, change(r)...)
			} else {
				made = append(made, r)
			}
		}
		s.MatchExpressions = made
		return s
	}
}

func withValues(r requirement, values []string) []requirement {
	r.Values = values
	return []requirement{r}
}
