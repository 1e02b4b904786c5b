package oracle

import (
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/cniproof/cniproof/internal/flow"
)

// property checks something of many random worlds.
func property(t *testing.T, check func(draw)) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) { check(draw{rt}) })
}

// same fails unless both worlds judge flows alike.
func (t draw) same(a, b State) {
	before, after := t.world(a), t.world(b)
	for _, f := range t.someFlows(a) {
		if x, y := before.Expect(f), after.Expect(f); x != y {
			t.Fatalf("%s was %s and became %s\n%s\n%s", f, x, y, describe(a), describe(b))
		}
	}
}

// with is the state with other policies.
func (s State) with(policies ...*networkingv1.NetworkPolicy) State {
	s.Policies = policies
	return s
}

func TestNaiveEvaluatorAgrees(t *testing.T) {
	property(t, func(t draw) {
		s := t.state()
		w := t.world(s)
		for _, f := range t.someFlows(s) {
			if got, want := w.Expect(f), naiveExpect(s, f); got != want {
				t.Fatalf("the oracle says %s, the naive evaluator %s\n%s\n%s", got, want, w.Explain(f), describe(s))
			}
		}
	})
}

func TestOrderOfPoliciesNeverMatters(t *testing.T) {
	property(t, func(t draw) {
		s := t.state()
		t.same(s, s.with(rapid.Permutation(s.Policies).Draw(t.T, "order")...))
	})
}

func TestOrderWithinPoliciesNeverMatters(t *testing.T) {
	property(t, func(t draw) {
		s := t.state()
		var turned []*networkingv1.NetworkPolicy
		for _, np := range s.Policies {
			np = np.DeepCopy()
			slices.Reverse(np.Spec.Ingress)
			slices.Reverse(np.Spec.Egress)
			slices.Reverse(np.Spec.PolicyTypes)
			for i := range np.Spec.Ingress {
				slices.Reverse(np.Spec.Ingress[i].From)
				slices.Reverse(np.Spec.Ingress[i].Ports)
			}
			for i := range np.Spec.Egress {
				slices.Reverse(np.Spec.Egress[i].To)
				slices.Reverse(np.Spec.Egress[i].Ports)
			}
			turned = append(turned, np)
		}
		t.same(s, s.with(turned...))
	})
}

// rank orders verdicts by how much they let through.
func rank(v flow.Verdict) int {
	return map[flow.Verdict]int{flow.Deny: 1, flow.Undefined: 2, flow.Allow: 3}[v]
}

func TestAnAddedPolicyNeverShrinksWhatIsolatedPodsMayDo(t *testing.T) {
	property(t, func(t draw) {
		s := t.state()
		added := t.policy()
		before, after := t.world(s), t.world(s.with(append(slices.Clone(s.Policies), added)...))
		for _, f := range t.someFlows(s) {
			x, y := before.Explain(f), after.Explain(f)
			newly := y.Egress.Isolated && !x.Egress.Isolated || y.Ingress.Isolated && !x.Ingress.Isolated
			if !newly && rank(y.Verdict) < rank(x.Verdict) {
				t.Fatalf("%s was %s and became %s", f, x, y)
			}
		}
	})
}

func TestAnAddedPolicyNeverGrowsWhatFreePodsMayDo(t *testing.T) {
	property(t, func(t draw) {
		s := t.state()
		added := t.policy()
		before, after := t.world(s), t.world(s.with(append(slices.Clone(s.Policies), added)...))
		for _, f := range t.someFlows(s) {
			x, y := before.Explain(f), after.Explain(f)
			if !x.Egress.Isolated && !x.Ingress.Isolated && rank(y.Verdict) > rank(x.Verdict) {
				t.Fatalf("%s was %s and became %s", f, x, y)
			}
		}
	})
}

func everywhere(spec networkingv1.NetworkPolicySpec) []*networkingv1.NetworkPolicy {
	spec.PolicyTypes = []networkingv1.PolicyType{"Ingress", "Egress"}
	var list []*networkingv1.NetworkPolicy
	for _, ns := range []string{"real-x", "real-y", "real-z", systemNamespace} {
		list = append(list, &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "everywhere"}, Spec: spec})
	}
	return list
}

func TestDenyAllMeansNone(t *testing.T) {
	property(t, func(t draw) {
		s := t.state()
		s = s.with(everywhere(networkingv1.NetworkPolicySpec{})...)
		w := t.world(s)
		for _, f := range t.someFlows(s) {
			node := f.Source.Kind == flow.KindNode || f.Destination.Kind == flow.KindNode
			if v := w.Expect(f); v != flow.Deny && !node && f.Source != f.Destination {
				t.Fatalf("%s", w.Explain(f))
			}
		}
	})
}

func TestAllowAllAddedMeansNothingIsIsolated(t *testing.T) {
	property(t, func(t draw) {
		s := t.state()
		all := everywhere(networkingv1.NetworkPolicySpec{
			Ingress: []networkingv1.NetworkPolicyIngressRule{{}}, Egress: []networkingv1.NetworkPolicyEgressRule{{}},
		})
		t.same(s.with(), s.with(append(all, s.Policies...)...))
	})
}

func TestAPolicyThatSelectsNothingChangesNothing(t *testing.T) {
	property(t, func(t draw) {
		s := t.state()
		idle := t.policy()
		idle.Spec.PodSelector.MatchLabels = map[string]string{"nobody": "has-this"}
		t.same(s, s.with(append(slices.Clone(s.Policies), idle)...))
	})
}

func TestOneRuleIsTheSameAsOneRulePerPeerAndPort(t *testing.T) {
	property(t, func(t draw) {
		s := t.state()
		var split []*networkingv1.NetworkPolicy
		for _, np := range s.Policies {
			np = np.DeepCopy()
			np.Spec.Ingress, np.Spec.Egress = nil, nil
			for _, r := range sourceOf(s, np).Spec.Ingress {
				for _, from := range each(r.From) {
					for _, ports := range each(r.Ports) {
						np.Spec.Ingress = append(np.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: from, Ports: ports})
					}
				}
			}
			for _, r := range sourceOf(s, np).Spec.Egress {
				for _, to := range each(r.To) {
					for _, ports := range each(r.Ports) {
						np.Spec.Egress = append(np.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: to, Ports: ports})
					}
				}
			}
			split = append(split, np)
		}
		t.same(s, s.with(split...))
	})
}

func sourceOf(s State, np *networkingv1.NetworkPolicy) *networkingv1.NetworkPolicy {
	return s.Policies[slices.IndexFunc(s.Policies, func(p *networkingv1.NetworkPolicy) bool { return p.Name == np.Name })]
}

// each is the elements one by one; an empty list, which means everything, stays one.
func each[V any](list []V) [][]V {
	if len(list) == 0 {
		return [][]V{nil}
	}
	var all [][]V
	for i := range list {
		all = append(all, list[i:i+1])
	}
	return all
}

func TestOnePolicyPerRuleIsTheSame(t *testing.T) {
	property(t, func(t draw) {
		s := t.state()
		var split []*networkingv1.NetworkPolicy
		for _, np := range s.Policies {
			none := np.DeepCopy()
			none.Spec.Ingress, none.Spec.Egress = nil, nil
			split = append(split, none)
			for _, r := range np.Spec.Ingress {
				one := none.DeepCopy()
				one.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{r}
				split = append(split, one)
			}
			for _, r := range np.Spec.Egress {
				one := none.DeepCopy()
				one.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{r}
				split = append(split, one)
			}
		}
		t.same(s, s.with(split...))
	})
}

func TestExplanationsSayWhatIsExpected(t *testing.T) {
	property(t, func(t draw) {
		s := t.state()
		w := t.world(s)
		for _, f := range t.someFlows(s) {
			e := w.Explain(f)
			if e.Verdict != w.Expect(f) {
				t.Fatalf("expected %s, explained %s", w.Expect(f), e)
			}
			for _, text := range []string{e.Short(), e.String()} {
				if strings.Contains(text, "real-") || strings.Contains(text, "  : ") || strings.Contains(text, "()") || !strings.Contains(text, verdictPhrase(e.Verdict)) {
					t.Fatalf("%s", text)
				}
			}
			if strings.Contains(e.Short(), "\n") || strings.HasSuffix(strings.TrimSpace(e.Short()), ":") {
				t.Fatalf("not one sentence: %q", e.Short())
			}
		}
	})
}
