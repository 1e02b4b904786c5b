package oracle

import (
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
)

// semanticsCase is a row of the semantics: policies, and one verdict per line.
type semanticsCase struct {
	name     string
	policies string
	literal  bool
	flows    string // "allow: a/b -> c/d:80/TCP", one per line
}

func TestExpect(t *testing.T) {
	for _, table := range [][]semanticsCase{isolationCases(), selectorCases(), portCases(), blockCases(), openCases()} {
		for _, c := range table {
			t.Run(c.name, func(t *testing.T) { c.test(t) })
		}
	}
}

func (c semanticsCase) test(t *testing.T) {
	state := withPolicies(t, testState(), c.policies)
	state.LiteralIPBlocks = c.literal
	w := mustWorld(t, state)
	for line := range strings.Lines(c.flows) {
		word, text, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		var want flow.Verdict
		check(t, want.UnmarshalText([]byte(word)))
		f := parseFlow(t, text)
		if got := w.Expect(f); got != want {
			t.Errorf("%s\ngot %s, want %s", w.Explain(f), got, want)
		}
	}
}

func isolationCases() []semanticsCase {
	return []semanticsCase{
		{name: "no policy", flows: `
			allow: other/db -> prod/db:80/TCP
			allow: external -> prod/db:80/TCP
			allow: prod/db -> external:80/TCP
			allow: prod/db -> dns:53/UDP via clusterIP
			allow: node/2 -> prod/db:80/TCP
			allow: prod/db -> node/1:80/TCP`},
		{name: "a selected pod is isolated, others are not", policies: `spec: {podSelector: {matchLabels: {role: db}}}`, flows: `
			deny: prod/web -> prod/db:80/TCP
			deny: other/db -> prod/db:80/TCP
			deny: other/db -> prod/db:80/TCP over ipv6
			deny: other/db -> prod/db:80/TCP via clusterIP
			deny: prod/web -> prod/db:53/UDP
			deny: prod/web -> prod/db:80/SCTP
			deny: external -> prod/db:80/TCP
			allow: prod/web -> other/db:80/TCP
			allow: other/db -> prod/web:80/TCP
			allow: prod/db -> prod/web:80/TCP`},
		{name: "no podSelector selects every pod of the namespace", policies: `spec: {}`, flows: `
			deny: other/db -> prod/db:80/TCP
			deny: other/db -> prod/web:80/TCP
			allow: prod/web -> other/bare:80/TCP`},
		{name: "policyTypes Egress isolates for egress only", policies: `spec: {policyTypes: [Egress]}`, flows: `
			allow: other/db -> prod/db:80/TCP
			deny: prod/db -> other/db:80/TCP
			deny: prod/db -> external:80/TCP
			deny: prod/db -> dns:53/UDP via clusterIP`},
		{name: "policyTypes left out, no egress rules: ingress only", policies: `spec: {ingress: []}`, flows: `
			deny: other/db -> prod/db:80/TCP
			allow: prod/db -> other/db:80/TCP`},
		{name: "policyTypes left out, empty egress list: ingress only", policies: `spec: {egress: []}`, flows: `
			deny: other/db -> prod/db:80/TCP
			allow: prod/db -> other/db:80/TCP`},
		{name: "policyTypes left out, an egress rule: both", policies: `spec: {egress: [{}]}`, flows: `
			deny: other/db -> prod/db:80/TCP
			allow: prod/db -> other/db:80/TCP
			deny: prod/web -> prod/db:80/TCP`},
		{name: "rules of a direction that policyTypes leaves out mean nothing", policies: `
spec:
  policyTypes: [Egress]
  ingress: [{from: [{podSelector: {matchLabels: {role: nobody}}}]}]
  egress: [{}]`, flows: `
			allow: other/db -> prod/db:80/TCP
			allow: prod/db -> other/db:80/TCP`},
		{name: "both directions denied", policies: `spec: {policyTypes: [Ingress, Egress]}`, flows: `
			deny: other/db -> prod/db:80/TCP
			deny: prod/db -> other/db:80/TCP
			deny: prod/db -> prod/web:80/TCP
			allow: other/bare -> other/db:80/TCP`},
		{name: "an empty rule admits everything", policies: `spec: {policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}`, flows: `
			allow: other/db -> prod/db:80/TCP
			allow: external -> prod/db:53/UDP
			allow: prod/db -> external:80/SCTP
			allow: node/2 -> prod/db:80/TCP
			allow: prod/db -> node/1:80/TCP
			allow: prod/db -> dns:53/TCP via clusterIP`},
		{name: "empty from and empty ports admit everything", policies: `spec: {ingress: [{from: [], ports: []}]}`, flows: `
			allow: other/db -> prod/db:80/TCP
			allow: external/2 -> prod/db:53/UDP over ipv6`},
		{name: "empty to and empty ports admit everything", policies: `spec: {policyTypes: [Egress], egress: [{to: [], ports: []}]}`, flows: `
			allow: prod/db -> other/db:80/TCP
			allow: prod/db -> external:80/UDP`},
		{name: "policies add up", policies: `
spec: {podSelector: {matchLabels: {role: db}}}
---
spec: {ingress: [{from: [{podSelector: {}}]}]}
---
spec: {ingress: [{from: [{namespaceSelector: {matchLabels: {env: staging}}}], ports: [{port: 81}]}]}`, flows: `
			allow: prod/web -> prod/db:80/TCP
			deny: other/db -> prod/db:80/TCP
			allow: other/db -> prod/db:81/TCP
			deny: external -> prod/db:81/TCP`},
		{name: "both ends must agree", policies: `
spec: {podSelector: {matchLabels: {role: db}}, ingress: [{from: [{namespaceSelector: {}}]}]}
---
metadata: {namespace: other}
spec: {podSelector: {matchLabels: {role: db}}, policyTypes: [Egress]}`, flows: `
			deny: other/db -> prod/db:80/TCP
			allow: other/bare -> prod/db:80/TCP
			allow: prod/db -> other/db:80/TCP`},
		{name: "a policy is of its namespace only", policies: `{metadata: {namespace: other}, spec: {podSelector: {matchLabels: {role: db}}}}`, flows: `
			deny: prod/web -> other/db:80/TCP
			allow: prod/web -> prod/db:80/TCP`},
	}
}

func selectorCases() []semanticsCase {
	from := func(peers string) string {
		return "spec: {podSelector: {matchLabels: {role: db}}, ingress: [{from: [" + peers + "]}]}"
	}
	return []semanticsCase{
		{name: "podSelector alone means the policy's namespace", policies: from(`{podSelector: {matchLabels: {role: web}}}`), flows: `
			allow: prod/web -> prod/db:80/TCP
			deny: other/bare -> prod/db:80/TCP`},
		{name: "an empty podSelector is every pod of the policy's namespace", policies: from(`{podSelector: {}}`), flows: `
			allow: prod/web -> prod/db:80/TCP
			deny: other/bare -> prod/db:80/TCP
			deny: external -> prod/db:80/TCP`},
		{name: "namespaceSelector alone means every pod there", policies: from(`{namespaceSelector: {matchLabels: {env: staging}}}`), flows: `
			deny: prod/web -> prod/db:80/TCP
			allow: other/bare -> prod/db:80/TCP
			allow: other/db -> prod/db:80/TCP over ipv6`},
		{name: "an empty namespaceSelector is every namespace, and no host", policies: from(`{namespaceSelector: {}}`), flows: `
			allow: prod/web -> prod/db:80/TCP
			allow: other/bare -> prod/db:80/TCP
			deny: external -> prod/db:80/TCP`},
		{name: "both selectors in one peer are AND", policies: from(`{namespaceSelector: {matchLabels: {env: staging}}, podSelector: {matchLabels: {role: db}}}`), flows: `
			allow: other/db -> prod/db:80/TCP
			deny: other/bare -> prod/db:80/TCP
			deny: prod/web -> prod/db:80/TCP`},
		{name: "an empty podSelector beside a namespaceSelector adds nothing", policies: from(`{namespaceSelector: {matchLabels: {env: staging}}, podSelector: {}}`), flows: `
			allow: other/bare -> prod/db:80/TCP
			deny: prod/web -> prod/db:80/TCP`},
		{name: "an empty namespaceSelector beside a podSelector is every namespace", policies: from(`{namespaceSelector: {}, podSelector: {matchLabels: {role: db}}}`), flows: `
			allow: other/db -> prod/db:80/TCP
			deny: prod/web -> prod/db:80/TCP`},
		{name: "two peers are OR", policies: from(`{namespaceSelector: {matchLabels: {env: staging}}}, {podSelector: {matchLabels: {role: web}}}`), flows: `
			allow: other/bare -> prod/db:80/TCP
			allow: prod/web -> prod/db:80/TCP
			deny: external -> prod/db:80/TCP`},
		{name: "a namespace by its name", policies: from(`{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: real-other}}}`), flows: `
			allow: other/bare -> prod/db:80/TCP
			deny: prod/web -> prod/db:80/TCP`},
		{name: "In", policies: from(`{namespaceSelector: {matchExpressions: [{key: env, operator: In, values: [staging, dev]}]}}`), flows: `
			allow: other/bare -> prod/db:80/TCP
			deny: prod/web -> prod/db:80/TCP`},
		{name: "In needs the key", policies: from(`{namespaceSelector: {matchExpressions: [{key: team, operator: In, values: [blue, red]}]}}`), flows: `
			deny: other/bare -> prod/db:80/TCP
			allow: prod/web -> prod/db:80/TCP`},
		{name: "NotIn with two values excludes both", policies: from(`{namespaceSelector: {}, podSelector: {matchExpressions: [{key: role, operator: NotIn, values: [db, web]}]}}`), flows: `
			deny: other/db -> prod/db:80/TCP
			deny: prod/web -> prod/db:80/TCP
			allow: other/bare -> prod/db:80/TCP`},
		{name: "NotIn matches where the key is absent", policies: from(`{namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [blue]}]}}`), flows: `
			allow: other/bare -> prod/db:80/TCP
			deny: prod/web -> prod/db:80/TCP`},
		{name: "Exists", policies: from(`{podSelector: {matchExpressions: [{key: tier, operator: Exists}]}}`), flows: `
			allow: prod/web -> prod/db:80/TCP
			deny: other/bare -> prod/db:80/TCP`},
		{name: "DoesNotExist", policies: from(`{namespaceSelector: {}, podSelector: {matchExpressions: [{key: role, operator: DoesNotExist}]}}`), flows: `
			allow: other/bare -> prod/db:80/TCP
			deny: other/db -> prod/db:80/TCP
			deny: prod/web -> prod/db:80/TCP`},
		{name: "labels and expressions are AND", policies: from(`{namespaceSelector: {}, podSelector: {matchLabels: {role: db}, matchExpressions: [{key: tier, operator: DoesNotExist}]}}`), flows: `
			allow: other/db -> prod/db:80/TCP
			deny: other/bare -> prod/db:80/TCP
			deny: prod/web -> prod/db:80/TCP`},
		{name: "expressions of podSelector choose the subjects", policies: `spec: {podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [front]}]}}`, flows: `
			deny: other/bare -> prod/db:80/TCP
			allow: other/bare -> prod/web:80/TCP`},
		{name: "the DNS service by its labels", policies: `
spec:
  policyTypes: [Egress]
  egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{protocol: UDP, port: 53}]}]`, flows: `
			allow: prod/db -> dns:53/UDP via clusterIP
			deny: prod/db -> dns:53/TCP via clusterIP
			deny: prod/db -> external:53/UDP
			deny: prod/web -> prod/db:53/UDP`},
	}
}

func portCases() []semanticsCase {
	in := func(ports string) string {
		return "spec: {podSelector: {}, ingress: [{ports: [" + ports + "]}]}"
	}
	out := func(ports string) string {
		return "spec: {policyTypes: [Egress], egress: [{ports: [" + ports + "]}]}"
	}
	return []semanticsCase{
		{name: "the protocol defaults to TCP", policies: in(`{port: 80}`), flows: `
			allow: other/db -> prod/db:80/TCP
			deny: other/db -> prod/db:80/SCTP
			deny: other/db -> prod/web:80/UDP
			deny: other/db -> prod/db:81/TCP`},
		{name: "no port is every port of the protocol", policies: in(`{protocol: UDP}`), flows: `
			allow: other/db -> prod/db:53/UDP
			allow: other/db -> prod/web:80/UDP
			deny: other/db -> prod/db:80/TCP
			deny: other/db -> prod/db:80/SCTP`},
		{name: "an empty port is every TCP port", policies: in(`{}`), flows: `
			allow: other/db -> prod/db:80/TCP
			allow: other/db -> prod/db:81/TCP
			deny: other/db -> prod/db:53/UDP`},
		{name: "SCTP never acts as TCP and isolates", policies: in(`{protocol: SCTP, port: 80}`), flows: `
			allow: other/db -> prod/db:80/SCTP
			deny: other/db -> prod/db:80/TCP`},
		{name: "ports of one rule are OR", policies: in(`{port: 81}, {protocol: UDP, port: 53}`), flows: `
			allow: other/db -> prod/db:81/TCP
			allow: other/db -> prod/db:53/UDP
			deny: other/db -> prod/db:80/TCP`},
		{name: "a name means another number on each pod", policies: in(`{port: http}`), flows: `
			allow: other/db -> prod/db:80/TCP
			deny: other/db -> prod/web:80/TCP
			allow: other/db -> prod/web:8080/TCP
			allow: other/db -> prod/web:8080/TCP via clusterIP
			deny: other/db -> prod/db:81/TCP`},
		{name: "a name goes with its protocol", policies: in(`{port: http, protocol: UDP}`), flows: `
			allow: other/db -> prod/db:8053/UDP
			deny: other/db -> prod/db:80/TCP
			deny: other/db -> prod/web:80/UDP
			deny: other/db -> prod/web:8080/TCP`},
		{name: "a name that nobody has opens nothing", policies: in(`{port: metrics}`), flows: `
			deny: other/db -> prod/db:80/TCP`},
		{name: "on egress a name is the destination's", policies: out(`{port: http}`), flows: `
			deny: prod/db -> prod/web:80/TCP
			allow: prod/db -> prod/web:8080/TCP
			allow: prod/web -> prod/db:80/TCP
			deny: prod/web -> other/db:80/TCP
			deny: prod/web -> external:80/TCP
			undefined: prod/web -> dns:53/TCP via clusterIP
			deny: prod/web -> dns:53/UDP via clusterIP`},
		{name: "endPort is inclusive", policies: in(`{port: 80, endPort: 90}`), flows: `
			deny: other/db -> prod/db:79/TCP
			allow: other/db -> prod/db:80/TCP
			allow: other/db -> prod/db:85/TCP
			allow: other/db -> prod/db:90/TCP
			deny: other/db -> prod/db:91/TCP
			deny: other/db -> prod/db:85/UDP`},
		{name: "endPort equal to port", policies: out(`{protocol: UDP, port: 53, endPort: 53}`), flows: `
			allow: prod/web -> prod/db:53/UDP
			deny: prod/web -> prod/db:54/UDP`},
		{name: "the highest port", policies: in(`{port: 65000, endPort: 65535}`), flows: `
			allow: other/db -> prod/db:65535/TCP
			deny: other/db -> prod/db:64999/TCP`},
		{name: "peer and port must be of the same rule", policies: `
spec:
  podSelector: {}
  ingress:
  - {from: [{podSelector: {}}], ports: [{port: 80}]}
  - {from: [{namespaceSelector: {matchLabels: {env: staging}}}], ports: [{port: 81}]}`, flows: `
			allow: prod/web -> prod/db:80/TCP
			deny: prod/web -> prod/db:81/TCP
			deny: other/db -> prod/db:80/TCP
			allow: other/db -> prod/db:81/TCP`},
	}
}

// TestUnknownAddresses leaves open what a block may hold where no address is known.
func TestUnknownAddresses(t *testing.T) {
	for cidr, want := range map[string]flow.Verdict{
		"203.0.113.0/24": flow.Undefined,
		"192.0.2.0/25":   flow.Deny,
		"192.0.0.0/16":   flow.Undefined,
		"::/0":           flow.Deny,
	} {
		state := testState()
		delete(state.Binding.Addresses, flow.Pod("other", "db"))
		state = withPolicies(t, state, `spec: {policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: "`+cidr+`"}}]}]}`)
		f := parseFlow(t, "prod/db -> other/db:80/TCP")
		for _, state.LiteralIPBlocks = range []bool{false, true} {
			if got := mustWorld(t, state).Expect(f); got != want {
				t.Errorf("%s: got %s, want %s", cidr, got, want)
			}
		}
	}
}

func TestNewWorldRefuses(t *testing.T) {
	cases := map[string]func(*State){
		"policyTypes: none":             func(s *State) { s.Policies[0].Spec.PolicyTypes = nil },
		`policyTypes: "Both" is none`:   func(s *State) { s.Policies[0].Spec.PolicyTypes = []networkingv1.PolicyType{"Both"} },
		"ingress rule 1: port 1: no pr": func(s *State) { s.Policies[0].Spec.Ingress[0].Ports[0].Protocol = nil },
		"ingress rule 1: peer 1: neith": func(s *State) { s.Policies[0].Spec.Ingress[0].From[0].PodSelector = nil },
		"peer 1: an ipBlock beside": func(s *State) {
			s.Policies[0].Spec.Ingress[0].From[0].IPBlock = &networkingv1.IPBlock{CIDR: "10.0.0.0/8"}
		},
		"ingress rule 1: peer 2: cidr":     func(s *State) { s.Policies[0].Spec.Ingress[0].From[1].IPBlock.CIDR = "10.0.0.0/33" },
		"written as IPv6":                  func(s *State) { s.Policies[0].Spec.Ingress[0].From[1].IPBlock.CIDR = "::ffff:10.0.0.0/104" },
		"ingress rule 1: peer 2: except":   func(s *State) { s.Policies[0].Spec.Ingress[0].From[1].IPBlock.Except = []string{"x"} },
		"80 to 79 is no range":             func(s *State) { end := int32(79); s.Policies[0].Spec.Ingress[0].Ports[0].EndPort = &end },
		`podSelector: "Like" is not a`:     func(s *State) { s.Policies[0].Spec.PodSelector.MatchExpressions[0].Operator = "Like" },
		`there is no namespace "real-pr`:   func(s *State) { delete(s.Namespaces, "real-prod") },
		`"prod/db": there are two of that`: func(s *State) { s.Pods = append(s.Pods, s.Pods[0]) },
	}
	const policy = `
metadata: {name: p}
spec:
  podSelector: {matchExpressions: [{key: role, operator: Exists}]}
  ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 80}]}]`
	for want, spoil := range cases {
		state := withPolicies(t, testState(), policy)
		spoil(&state)
		_, err := NewWorld(state)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}
