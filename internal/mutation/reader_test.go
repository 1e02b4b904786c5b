package mutation

import (
	"maps"
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/cniproof/cniproof/internal/oracle"
)

// TestReaders shows of mutations that no obvious scenario sees what becomes of the last of
// several states. A state is the specs of policies of one namespace, by their names.
func TestReaders(t *testing.T) {
	for name, c := range map[string]struct {
		states []string
		want   string
	}{
		"range-as-one-mask in ingress": {
			[]string{`a: {ingress: [{ports: [{port: 8081, endPort: 8090}]}]}`},
			`a: {ingress: [{ports: [{port: 8080, endPort: 8095}]}]}`,
		},
		"longer-than-24-as-24 in egress": {
			[]string{`a: {egress: [{to: [{ipBlock: {cidr: 192.0.2.64/26, except: [192.0.2.65/32]}}, {ipBlock: {cidr: "2001:db8::/64"}}]}]}`},
			`a: {egress: [{to: [{ipBlock: {cidr: 192.0.2.0/24}}, {ipBlock: {cidr: "2001:db8::/64"}}]}]}`,
		},
		"names-dropped-beside-a-block in ingress": {
			[]string{`a: {ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: web}]}, {ports: [{port: web}]}]}`},
			`a: {ingress: [{ports: [{port: web}]}]}`,
		},
		"selectors-of-peers-crossed in egress": {
			[]string{`a: {egress: [{to: [{namespaceSelector: {matchLabels: {n: x}}, podSelector: {matchLabels: {p: x}}}, {namespaceSelector: {matchLabels: {n: y}}}]}]}`},
			`a: {egress: [{to: [{namespaceSelector: {matchLabels: {n: x}}, podSelector: {matchLabels: {p: x}}}, {namespaceSelector: {matchLabels: {n: y}}},
			                    {namespaceSelector: {matchLabels: {n: y}}, podSelector: {matchLabels: {p: x}}}]}]}`,
		},
		"equal-namespaces-first-pods in ingress": {
			[]string{`a: {ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {p: x}}}, {namespaceSelector: {}, podSelector: {matchLabels: {p: y}}}]}]}`},
			`a: {ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {p: x}}}, {namespaceSelector: {}, podSelector: {matchLabels: {p: x}}}]}]}`,
		},
		"keys-with-dots-as-dashes": {
			[]string{`a: {podSelector: {matchExpressions: [{key: example.com/a.b, operator: Exists}]}}`},
			`a: {podSelector: {matchExpressions: [{key: example.com/a-b, operator: Exists}]}}`,
		},
		"values-as-numbers": {
			[]string{`a: {podSelector: {matchExpressions: [{key: v, operator: In, values: ["1.10", "010", v1]}]}}`},
			`a: {podSelector: {matchExpressions: [{key: v, operator: In, values: ["1.1", "10", v1]}]}}`,
		},
		"does-not-exist-takes-empty-value in podSelectors of policies": {
			[]string{`a: {podSelector: {matchExpressions: [{key: v, operator: DoesNotExist}]}}`},
			`a: {podSelector: {matchExpressions: [{key: v, operator: NotIn, values: [here]}]}}`,
		},
		"policy-names-with-dots-as-dashes": {
			[]string{`{a-b: {}, a.b: {}}`},
			`a-b: {}`,
		},
		"selectors-cached-by-sorted-words": {
			[]string{`a: {podSelector: {matchLabels: {x: y}}}`, `b: {podSelector: {matchLabels: {y: x}}}`},
			`b: {podSelector: {matchLabels: {x: y}}}`,
		},
		"ports-cached-without-separators": {
			[]string{`a: {ingress: [{ports: [{port: 80, endPort: 81}]}]}`, `b: {egress: [{ports: [{port: 8081}]}]}`},
			`b: {egress: [{ports: [{port: 80, endPort: 81}]}]}`,
		},
		"update-of-ends-of-ranges-missed": {
			[]string{`a: {ingress: [{ports: [{port: 80, endPort: 81}]}]}`, `a: {ingress: [{ports: [{port: 80, endPort: 82}]}]}`, `a: {ingress: [{ports: [{port: 80, endPort: 82}]}]}`},
			`a: {ingress: [{ports: [{port: 80, endPort: 81}]}]}`,
		},
		"update-of-rules-after-the-second-missed": {
			[]string{`a: {ingress: [{}, {}, {ports: [{port: 1}]}]}`, `a: {ingress: [{}, {}, {ports: [{port: 2}]}]}`},
			`a: {ingress: [{}, {}, {ports: [{port: 1}]}]}`,
		},
		"deletion-takes-along-shared-names-of-ports": {
			[]string{`{a: {ingress: [{ports: [{port: web}]}]}, b: {egress: [{ports: [{port: web}]}]}, c: {egress: [{ports: [{port: dns}]}]}}`,
				`{b: {egress: [{ports: [{port: web}]}]}, c: {egress: [{ports: [{port: dns}]}]}}`},
			`c: {egress: [{ports: [{port: dns}]}]}`,
		},
		"isolation-stays": {
			[]string{`a: {ingress: [{}]}`, `{}`, `{}`},
			`a: {}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			read := mutationOf(t, name).New()
			var got oracle.State
			for _, text := range c.states {
				got = read(state(t, text))
			}
			if want := state(t, c.want); !alike(got, want) {
				t.Errorf("took the policies for\n%s\nwant\n%s", text(got.Policies), text(want.Policies))
			}
		})
	}
}

func mutationOf(t *testing.T, name string) Mutation {
	t.Helper()
	list := All()
	i := slices.IndexFunc(list, func(m Mutation) bool { return m.Name == name })
	if i < 0 {
		t.Fatalf("there is no mutation %q", name)
	}
	return list[i]
}

func state(t *testing.T, text string) oracle.State {
	t.Helper()
	var specs map[string]networkingv1.NetworkPolicySpec
	if err := yaml.UnmarshalStrict([]byte(text), &specs); err != nil {
		t.Fatal(err)
	}
	s := oracle.State{Namespaces: map[string]labels{"here": {"kubernetes.io/metadata.name": "here"}}}
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		s.Policies = append(s.Policies, &policy{ObjectMeta: metav1.ObjectMeta{Namespace: "here", Name: name}, Spec: specs[name]})
	}
	return s
}

// TestTry tries a few on a few scenarios.
func TestTry(t *testing.T) {
	library := played(t)[:20]
	results, err := Try([]Mutation{
		{Name: "nothing", New: allPolicies(func(list []*policy) []*policy { return list })},
		{Name: "everything", New: allPolicies(func([]*policy) []*policy { return nil })},
	}, library)
	if err != nil {
		t.Fatal(err)
	}
	if r := results[0]; len(r.Touched)+len(r.Seen) > 0 {
		t.Errorf("what changes nothing touches %q and is seen by %q", r.Touched, r.Seen)
	}
	if r := results[1]; len(r.Seen) == 0 || len(r.Seen) > len(r.Touched) {
		t.Errorf("to have no policies touches %q and is seen by %q", r.Touched, r.Seen)
	}
	broken := Mutation{Name: "broken", New: eachPolicy(func(p *policy) { p.Spec.PolicyTypes = nil })}
	if _, err := Try([]Mutation{broken}, library); err == nil {
		t.Error("a policy without types is none that an API server hands out, and yet there is no error")
	}
}
