package scenario

import (
	"slices"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
)

func TestFeaturesAreATable(t *testing.T) {
	list := Features()
	if !slices.IsSortedFunc(list, func(a, b Feature) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not sorted")
	}
	for _, f := range list {
		if !strings.HasSuffix(f.Meaning, ".") {
			t.Errorf("%s has no sentence", f.Name)
		}
	}
}

// TestDerivedFeatures shows that each feature of policies is derived from just what
// its meaning says; every one in the table must have a policy here.
func TestDerivedFeatures(t *testing.T) {
	tests := map[string][]string{
		`{}`:                      {"ingress"},
		`{policyTypes: [Egress]}`: {"egress"},
		`{egress: [{}]}`:          {"egress", "ingress"},
		`{ingress: [{ports: [{port: 80}, {protocol: UDP}]}]}`:                                    {"ingress"},
		`{ingress: [{ports: [{port: 80, endPort: 90}]}]}`:                                        {"end-port", "ingress"},
		`{ingress: [{ports: [{port: web}]}]}`:                                                    {"ingress", "named-port"},
		`{policyTypes: [Egress], egress: [{ports: [{protocol: SCTP}]}]}`:                         {"egress", "sctp"},
		`{podSelector: {matchLabels: {a: b}}}`:                                                   {"ingress"},
		`{podSelector: {matchExpressions: [{key: a, operator: Exists}]}}`:                        {"ingress", "match-expressions"},
		`{ingress: [{from: [{podSelector: {}}]}]}`:                                               {"ingress", "pod-selector"},
		`{ingress: [{from: [{namespaceSelector: {}}]}]}`:                                         {"ingress", "namespace-selector"},
		`{ingress: [{from: [{podSelector: {matchExpressions: [{key: a, operator: Exists}]}}]}]}`: {"ingress", "match-expressions", "pod-selector"},
		`{policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}`:               {"egress", "ip-block"},
		`{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/9]}}]}]}`:             {"except", "ingress", "ip-block"},
	}
	covered := map[string]bool{}
	for spec, want := range tests {
		got := used(&Scenario{Steps: doing(Act{Apply: []Manifest{manifest(t, spec)}})})
		if !slices.Equal(got, want) {
			t.Errorf("%s uses %v, want %v", spec, got, want)
		}
		for _, name := range got {
			covered[name] = true
		}
	}
	for _, f := range Features() {
		if !f.Cluster && !covered[f.Name] {
			t.Errorf("no policy here uses %s", f.Name)
		}
	}
}

// TestNeeds does the same for what is asked of a cluster.
// doing is a step of one act.
func doing(a Act) []Step { return []Step{{Acts: []Act{a}, Times: 1}} }

func TestNeeds(t *testing.T) {
	one := Topology{Pods: []Pod{{Namespace: "x", Name: "a", Node: 1}}}
	two, hosts, nodes, dns, gated := one, one, one, one, one
	two.Pods = []Pod{{Namespace: "x", Name: "a", Node: 2}}
	hosts.External.Hosts = 1
	nodes.Nodes.Probed = true
	dns.DNS = true
	gated.Gated = []flow.Endpoint{flow.Pod("x", "a")}
	block := func(cidr string) Act {
		return Act{Apply: []Manifest{manifest(t, `{egress: [{to: [{ipBlock: {cidr: "`+cidr+`"}}]}]}`)}}
	}
	tests := []struct {
		topology Topology
		act      Act
		want     string
	}{
		{one, Act{}, ""},
		{two, Act{}, "two-nodes"},
		{hosts, Act{}, "external-host"},
		{nodes, Act{}, "node-traffic"},
		{dns, Act{}, "dns"},
		{gated, Act{}, "pod-readiness"},
		{Topology{Pods: []Pod{{Namespace: "x", Name: "a", Node: 1, InitSidecar: []flow.Port{{Number: 80}}}}}, Act{}, "init-sidecar"},
		{one, Act{Restart: true}, "restart"},
		{one, Act{Recreate: []flow.Endpoint{flow.Pod("x", "a")}}, ""},
		{one, Act{Label: []LabelChange{{Namespace: "x"}}}, ""},
		{one, Act{Label: []LabelChange{{Namespace: "kube-system"}}}, "cluster-owned"},
		{one, block("10.0.0.0/8"), ""},
		{one, block("fd00::/8"), ""}, // a literal block needs no IPv6 to be accepted
		{one, block("${external.ip4}/32"), ""},
		{one, block("${external.ip}/32"), ""},
		{one, block("${external.ip6}/128"), "ipv6"},
		{one, block("${external.ip}/128"), "ipv6"},
		{one, block("${cluster.podCIDR6}"), "ipv6"},
	}
	covered := map[string]bool{}
	for _, test := range tests {
		got := Needs(&Scenario{Topology: test.topology, Steps: append([]Step{{}}, doing(test.act)...)})
		if strings.Join(got, " ") != test.want {
			t.Errorf("%+v needs %v, want %q", test.act, got, test.want)
		}
		covered[test.want] = true
	}
	for _, f := range Features() {
		if f.Cluster && !covered[f.Name] {
			t.Errorf("nothing here needs %s", f.Name)
		}
	}
}
