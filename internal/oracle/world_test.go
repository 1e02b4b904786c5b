package oracle

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/netpol"
	"github.com/cniproof/cniproof/internal/scenario"
)

// testState has what a table test needs: two namespaces with two pods each, two
// nodes, two external hosts, two families. The real names of the namespaces are
// real-prod and real-other.
//
//	prod   {env: prod, team: blue}:  db {role: db} on node 1, serves http=80/TCP 81/TCP 53/UDP http=8053/UDP 80/SCTP
//	                                 web {role: web, tier: front} on node 1, serves http=8080/TCP 80/TCP 80/UDP
//	other  {env: staging}:           db {role: db} on node 2, serves 80/TCP
//	                                 bare {} on node 2, serves 80/TCP
func testState() State {
	port := func(name string, number uint16, p flow.Protocol) flow.Port {
		return flow.Port{Name: name, Number: number, Protocol: p}
	}
	pods := []scenario.Pod{
		{Namespace: "prod", Name: "db", Node: 1, Labels: map[string]string{"role": "db"}, Ports: []flow.Port{
			port("http", 80, flow.TCP), port("", 81, flow.TCP), port("", 53, flow.UDP), port("http", 8053, flow.UDP), port("", 80, flow.SCTP),
		}},
		{Namespace: "prod", Name: "web", Node: 1, Labels: map[string]string{"role": "web", "tier": "front"}, Ports: []flow.Port{
			port("http", 8080, flow.TCP), port("", 80, flow.TCP), port("", 80, flow.UDP),
		}},
		{Namespace: "other", Name: "db", Node: 2, Labels: map[string]string{"role": "db"}, Ports: []flow.Port{port("", 80, flow.TCP)}},
		{Namespace: "other", Name: "bare", Node: 2, Ports: []flow.Port{port("", 80, flow.TCP)}},
	}
	return State{
		Namespaces: map[string]map[string]string{
			"real-prod":  {"env": "prod", "team": "blue"},
			"real-other": {"env": "staging"},
		},
		Pods:    pods,
		Binding: testBinding(pods),
	}
}

func testBinding(pods []scenario.Pod) scenario.Binding {
	b := scenario.Binding{
		Namespaces: map[string]string{"prod": "real-prod", "other": "real-other"},
		Addresses: map[flow.Endpoint][]netip.Addr{
			flow.External(1): addrs("192.0.2.1", "2001:db8::1"),
			flow.External(2): addrs("192.0.2.2", "2001:db8::2"),
			flow.Node(1):     addrs("198.51.100.1", "2001:db8:100::1"),
			flow.Node(2):     addrs("198.51.100.2", "2001:db8:100::2"),
		},
		PodCIDRs:      []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("fd00:10:244::/48")},
		ExternalCIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/64")},
	}
	for i, p := range pods {
		b.Addresses[p.Endpoint()] = addrs(fmt.Sprintf("10.244.%d.%d", p.Node, i+2), fmt.Sprintf("fd00:10:244:%d::%d", p.Node, i+2))
	}
	return b
}

func addrs(texts ...string) []netip.Addr {
	list := make([]netip.Addr, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParseAddr(text)
	}
	return list
}

// withPolicies adds policies to a state: YAML documents, whose metadata.namespace is
// the scenario's name and defaults to prod. They are defaulted and must be valid.
func withPolicies(t testing.TB, s State, documents string) State {
	t.Helper()
	for i, document := range strings.Split(documents, "\n---\n") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		np := &networkingv1.NetworkPolicy{}
		if err := yaml.UnmarshalStrict([]byte(document), np); err != nil {
			t.Fatalf("policy %d: %v\n%s", i+1, err, document)
		}
		if np.Name == "" {
			np.Name = "policy-" + strconv.Itoa(i+1)
		}
		if np.Namespace == "" {
			np.Namespace = "prod"
		}
		np.Namespace = s.Binding.Namespaces[np.Namespace]
		netpol.Default(np)
		if errs := netpol.Validate(np); len(errs) > 0 {
			t.Fatalf("policy %d: %v", i+1, errs.ToAggregate())
		}
		s.Policies = append(s.Policies, np)
	}
	return s
}

func mustWorld(t testing.TB, s State) *World {
	t.Helper()
	w, err := NewWorld(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var flowText = regexp.MustCompile(`^(\S+) -> ([^\s:]+):(\d+)/(\w+)(?: via (\w+))?(?: over (\w+))?$`)

// parseFlow reads flow.Flow.String; path and family default to podIP and ipv4.
func parseFlow(t testing.TB, text string) flow.Flow {
	t.Helper()
	m := flowText.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("%q is no flow", text)
	}
	f := flow.Flow{Source: parseEndpoint(t, m[1]), Destination: parseEndpoint(t, m[2]), Via: flow.PodIP, Family: flow.IPv4}
	number, err := strconv.ParseUint(m[3], 10, 16)
	check(t, err)
	f.Port = uint16(number)
	check(t, f.Protocol.UnmarshalText([]byte(m[4])))
	if m[5] != "" {
		check(t, f.Via.UnmarshalText([]byte(m[5])))
	}
	if m[6] != "" {
		check(t, f.Family.UnmarshalText([]byte(m[6])))
	}
	return f
}

func parseEndpoint(t testing.TB, text string) flow.Endpoint {
	t.Helper()
	first, second, _ := strings.Cut(text, "/")
	number, _ := strconv.Atoi(second)
	switch first {
	case "external":
		return flow.External(max(number, 1))
	case "node":
		return flow.Node(number)
	case "dns":
		return flow.DNS()
	}
	return flow.Pod(first, second)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
