package netpol_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/cniproof/cniproof/internal/netpol"
)

// policy reads the spec of a policy as kubectl would.
func policy(t *testing.T, spec string) *networkingv1.NetworkPolicy {
	t.Helper()
	var p networkingv1.NetworkPolicy
	if err := yaml.UnmarshalStrict([]byte("metadata: {name: p, namespace: n}\nspec: "+spec), &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

// TestDefault compares in Go values, not in YAML, because the difference between
// nil and empty is the point.
func TestDefault(t *testing.T) {
	tests := []struct{ name, given, want string }{
		{"ingress only", `{}`, `{policyTypes: [Ingress]}`},
		{"egress rules", `{egress: [{}]}`, `{policyTypes: [Ingress, Egress], egress: [{}]}`},
		{"no egress rule", `{egress: []}`, `{policyTypes: [Ingress]}`},
		{"types given", `{policyTypes: [Egress]}`, `{policyTypes: [Egress]}`},
		{"types given in spite of egress rules", `{policyTypes: [Ingress], egress: [{}]}`, `{policyTypes: [Ingress], egress: [{}]}`},
		{"types empty", `{policyTypes: [], egress: [{}]}`, `{policyTypes: [Ingress, Egress], egress: [{}]}`},
		{
			"protocol", `{ingress: [{ports: [{port: 80}, {}, {protocol: UDP}]}], egress: [{ports: [{port: web}]}]}`,
			`{policyTypes: [Ingress, Egress], ingress: [{ports: [{port: 80, protocol: TCP}, {protocol: TCP}, {protocol: UDP}]}], egress: [{ports: [{port: web, protocol: TCP}]}]}`,
		},
		{
			"empty lists", `{podSelector: {matchLabels: {}, matchExpressions: []}, ingress: [{from: [], ports: []}], egress: [{to: [], ports: []}], policyTypes: [Egress]}`,
			`{ingress: [{}], egress: [{}], policyTypes: [Egress]}`,
		},
		{
			"empty selectors stay", `{ingress: [{from: [{podSelector: {matchLabels: {}}}, {namespaceSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8, except: []}}]}]}`,
			`{policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}, {namespaceSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}]}]}`,
		},
		{
			"empty values", `{podSelector: {matchExpressions: [{key: a, operator: Exists, values: []}]}}`,
			`{podSelector: {matchExpressions: [{key: a, operator: Exists}]}, policyTypes: [Ingress]}`,
		},
		{"no rule", `{ingress: [], egress: [], policyTypes: [Ingress, Egress]}`, `{policyTypes: [Ingress, Egress]}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, want := policy(t, test.given), policy(t, test.want)
			netpol.Default(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			again := got.DeepCopy()
			netpol.Default(again)
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("a second time changes more, -once +twice:\n%s", diff)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	const ports, peers = `{ingress: [{ports: [%]}]}`, `{egress: [{to: [%]}]}`
	tests := []struct {
		name, shape, value string
		want               []string // of each error the field and the begin of its message
	}{
		{"everything at once", `{%}`, `podSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: NotIn, values: [d]}]}, ingress: [{ports: [{port: 1, endPort: 65535}, {port: web}, {protocol: SCTP}], from: [{podSelector: {}, namespaceSelector: {}}]}], egress: [{to: [{ipBlock: {cidr: "::/0", except: ["fd00::/8", "fd00::/9"]}}]}]`, nil},
		{"port 0", ports, `{port: 0}`, []string{"spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535"}},
		{"port 65536", ports, `{port: 1}, {port: 65536}`, []string{"spec.ingress[0].ports[1].port: Invalid value: 65536"}},
		{"negative port", ports, `{port: -1}`, []string{"spec.ingress[0].ports[0].port: Invalid value: -1"}},
		{"empty port name", ports, `{port: ""}`, []string{"spec.ingress[0].ports[0].port: Invalid value: \"\": must contain at least one letter", "spec.ingress[0].ports[0].port: Invalid value: \"\": must contain only alpha-numeric"}},
		{"long port name", ports, `{port: abcdefghijklmnop}`, []string{"spec.ingress[0].ports[0].port: Invalid value: \"abcdefghijklmnop\": must be no more than 15"}},
		{"port name in capitals", ports, `{port: HTTP}`, []string{"spec.ingress[0].ports[0].port", "spec.ingress[0].ports[0].port"}},
		{"port name with two hyphens", ports, `{port: a--b}`, []string{"spec.ingress[0].ports[0].port: Invalid value: \"a--b\": must not contain consecutive hyphens"}},
		{"equal endPort", ports, `{port: 80, endPort: 80}`, nil},
		{"lower endPort", ports, `{port: 80, endPort: 79}`, []string{"spec.ingress[0].ports[0].endPort: Invalid value: 79: must be greater than or equal to `port`"}},
		{"endPort out of range", ports, `{port: 80, endPort: 65536}`, []string{"spec.ingress[0].ports[0].endPort: Invalid value: 65536: must be between"}},
		{"endPort without port", ports, `{endPort: 80}`, []string{"spec.ingress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is not specified"}},
		{"endPort with a name", ports, `{port: web, endPort: 80}`, []string{"spec.ingress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is non-numeric"}},
		{"protocol", ports, `{protocol: ICMP}`, []string{"spec.ingress[0].ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"TCP\", \"UDP\", \"SCTP\""}},
		{"protocol in small letters", ports, `{protocol: tcp}`, []string{"spec.ingress[0].ports[0].protocol: Unsupported value"}},
		{"no peer", peers, `{}`, []string{"spec.egress[0].to[0]: Required value: must specify a peer"}},
		{"ipBlock and podSelector", peers, `{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}`, []string{"spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer"}},
		{"ipBlock and namespaceSelector", peers, `{ipBlock: {cidr: 10.0.0.0/8}, namespaceSelector: {}}`, []string{"spec.egress[0].to[0]: Forbidden"}},
		{"no cidr", peers, `{ipBlock: {except: [nonsense]}}`, []string{"spec.egress[0].to[0].ipBlock.cidr: Required value"}},
		{"address for a cidr", peers, `{ipBlock: {cidr: 10.0.0.1}}`, []string{"spec.egress[0].to[0].ipBlock.cidr: Invalid value: \"10.0.0.1\": must be a valid CIDR"}},
		{"bits beyond the prefix", peers, `{ipBlock: {cidr: 10.0.0.1/8}}`, []string{"spec.egress[0].to[0].ipBlock.cidr: Invalid value: \"10.0.0.1/8\": must not have bits set"}},
		{"leading zero", peers, `{ipBlock: {cidr: 010.0.0.0/8}}`, []string{"spec.egress[0].to[0].ipBlock.cidr: Invalid value: \"010.0.0.0/8\": must not have leading 0s"}},
		{"except equals cidr", peers, `{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}`, []string{"spec.egress[0].to[0].ipBlock.except[0]: Invalid value: \"10.0.0.0/8\": must be a strict subset of `cidr`"}},
		{"except is wider", peers, `{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/16, 0.0.0.0/0]}}`, []string{"spec.egress[0].to[0].ipBlock.except[1]"}},
		{"except is outside", peers, `{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}`, []string{"spec.egress[0].to[0].ipBlock.except[0]"}},
		{"except of another family", peers, `{ipBlock: {cidr: 0.0.0.0/0, except: ["fd00::/8"]}}`, []string{"spec.egress[0].to[0].ipBlock.except[0]"}},
		{"except is no cidr", peers, `{ipBlock: {cidr: 10.0.0.0/8, except: [nonsense]}}`, []string{"spec.egress[0].to[0].ipBlock.except[0]: Invalid value: \"nonsense\": must be a valid CIDR"}},
		{"bad label value", peers, `{podSelector: {matchLabels: {a: "b c"}}}`, []string{"spec.egress[0].to[0].podSelector.matchLabels: Invalid value: \"b c\""}},
		{"bad label key", peers, `{namespaceSelector: {matchLabels: {"a b": c}}}`, []string{"spec.egress[0].to[0].namespaceSelector.matchLabels: Invalid value: \"a b\""}},
		{"unknown operator", `{podSelector: {matchExpressions: [%]}}`, `{key: a, operator: Equals, values: [b]}`, []string{"spec.podSelector.matchExpressions[0].operator: Invalid value: \"Equals\": not a valid selector operator"}},
		{"In without values", `{podSelector: {matchExpressions: [%]}}`, `{key: a, operator: In}`, []string{"spec.podSelector.matchExpressions[0].values: Required value"}},
		{"Exists with values", `{podSelector: {matchExpressions: [%]}}`, `{key: a, operator: Exists, values: [b]}`, []string{"spec.podSelector.matchExpressions[0].values: Forbidden"}},
		{"bad value of an expression", `{podSelector: {matchExpressions: [%]}}`, `{key: a, operator: In, values: [b, "c d"]}`, []string{"spec.podSelector.matchExpressions[0].values[1]: Invalid value: \"c d\""}},
		{"three types", `{policyTypes: [%]}`, `Ingress, Egress, Ingress`, []string{"spec.policyTypes: Invalid value: [\"Ingress\",\"Egress\",\"Ingress\"]: may not specify more than two"}},
		{"one type twice", `{policyTypes: [%]}`, `Ingress, Ingress`, nil},
		{"unknown types", `{policyTypes: [%]}`, `Ingres, egress`, []string{"spec.policyTypes[0]: Unsupported value", "spec.policyTypes[1]: Unsupported value"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := policy(t, strings.Replace(test.shape, "%", test.value, 1))
			netpol.Default(p)
			var got []string
			for _, err := range netpol.Validate(p) {
				got = append(got, err.Error())
			}
			if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestValidateMetadata(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*networkingv1.NetworkPolicy)
		field string
	}{
		{"no name", func(p *networkingv1.NetworkPolicy) { p.Name = "" }, "metadata.name"},
		{"name in capitals", func(p *networkingv1.NetworkPolicy) { p.Name = "Web" }, "metadata.name"},
		{"name of 254 characters", func(p *networkingv1.NetworkPolicy) { p.Name = strings.Repeat("a", 254) }, "metadata.name"},
		{"no namespace", func(p *networkingv1.NetworkPolicy) { p.Namespace = "" }, "metadata.namespace"},
		{"bad namespace", func(p *networkingv1.NetworkPolicy) { p.Namespace = "a.b" }, "metadata.namespace"},
		{"bad label", func(p *networkingv1.NetworkPolicy) { p.Labels = map[string]string{"a b": "c"} }, "metadata.labels"},
		{"bad annotation", func(p *networkingv1.NetworkPolicy) { p.Annotations = map[string]string{"a b": "c"} }, "metadata.annotations"},
	}
	for _, test := range tests {
		p := policy(t, "{}")
		p.Name = strings.Repeat("a", 253)
		netpol.Default(p)
		if errs := netpol.Validate(p); len(errs) != 0 {
			t.Fatalf("a sound policy: %v", errs)
		}
		test.spoil(p)
		errs := netpol.Validate(p)
		if len(errs) != 1 || errs[0].Field != test.field {
			t.Errorf("%s: got %v, want one error of %s", test.name, errs, test.field)
		}
	}
}

// TestSteady shows that the order of errors does not follow the order of a map.
func TestSteady(t *testing.T) {
	p := policy(t, `{podSelector: {matchLabels: {a: "x y", b: "y z", "c d": z, "e f": g}}}`)
	first := netpol.Validate(p)
	for range 50 {
		if again := netpol.Validate(p); again.ToAggregate().Error() != first.ToAggregate().Error() {
			t.Fatalf("got\n%v\nafter\n%v", again, first)
		}
	}
}
