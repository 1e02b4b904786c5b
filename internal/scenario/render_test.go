package scenario

import (
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/scenarios"
)

// nothing is a file system without files.
type nothing struct{}

func (nothing) Open(string) (fs.File, error) { return nil, fs.ErrNotExist }

func manifest(t *testing.T, spec string) Manifest {
	t.Helper()
	var p networkingv1.NetworkPolicy
	if err := yaml.UnmarshalStrict([]byte("metadata: {name: p, namespace: x}\nspec: "+spec), &p); err != nil {
		t.Fatal(err)
	}
	return Manifest{&p}
}

// cluster is a binding with the given families.
func cluster(families ...flow.Family) Binding {
	b := Binding{Namespaces: map[string]string{"x": "x-7"}, Addresses: map[flow.Endpoint][]netip.Addr{}}
	addr := func(e flow.Endpoint, v4, v6 string) {
		for _, family := range families {
			b.Addresses[e] = append(b.Addresses[e], netip.MustParseAddr(map[flow.Family]string{flow.IPv4: v4, flow.IPv6: v6}[family]))
		}
	}
	addr(flow.Pod("x", "a"), "10.1.0.1", "fd00::1")
	addr(flow.External(1), "192.0.2.1", "2001:db8::1")
	addr(flow.External(2), "192.0.2.2", "2001:db8::2")
	addr(flow.Node(1), "198.51.100.1", "2001:db8:1::1")
	for _, family := range families {
		b.PodCIDRs = append(b.PodCIDRs, netip.MustParsePrefix(map[flow.Family]string{flow.IPv4: "10.1.0.0/16", flow.IPv6: "fd00::/64"}[family]))
		b.ExternalCIDRs = append(b.ExternalCIDRs, netip.MustParsePrefix(map[flow.Family]string{flow.IPv4: "192.0.2.0/24", flow.IPv6: "2001:db8::/64"}[family]))
	}
	return b
}

func TestRenderCIDR(t *testing.T) {
	v4, v6, dual := cluster(flow.IPv4), cluster(flow.IPv6), cluster(flow.IPv4, flow.IPv6)
	six := cluster(flow.IPv6, flow.IPv4)
	const none = "" // ErrNoAddress
	tests := []struct {
		text    string
		binding Binding
		want    string
	}{
		{"10.0.0.0/8", v6, "10.0.0.0/8"},
		{"${pod.x/a.ip}/32", v4, "10.1.0.1/32"},
		{"${pod.x/a.ip4}/32", dual, "10.1.0.1/32"},
		{"${pod.x/a.ip6}/128", dual, "fd00::1/128"},
		{"${pod.x/a.ip4}/32", v6, none},
		{"${pod.x/a.ip6}/128", v4, none},
		{"${pod.x/a.ip}/32", six, "10.1.0.1/32"},
		{"${pod.x/a.ip}/128", dual, "fd00::1/128"},
		{"${pod.x/a.ip}/32", v6, none},
		{"${external.ip}/32", dual, "192.0.2.1/32"},
		{"${external.1.ip4}/32", dual, "192.0.2.1/32"},
		{"${external.2.ip6}/128", dual, "2001:db8::2/128"},
		{"${external.3.ip4}/32", dual, none},
		{"${external.cidr}", dual, "192.0.2.0/24"},
		{"${external.cidr}", six, "2001:db8::/64"},
		{"${external.cidr4}", six, "192.0.2.0/24"},
		{"${external.cidr6}", v4, none},
		{"${external.block4/20}", dual, "192.0.0.0/20"},
		{"${external.2.block4/31}", six, "192.0.2.2/31"},
		{"${external.beside4/31}", dual, "192.0.2.2/31"},
		{"${external.beside4/32}", dual, "192.0.2.0/32"},
		{"${external.beside4/1}", dual, "0.0.0.0/1"},
		{"${external.block6/33}", dual, "2001:db8::/33"},
		{"${external.beside6/33}", dual, "2001:db8:8000::/33"},
		{"${external.beside6/127}", six, "2001:db8::2/127"},
		{"${external.block6/64}", v4, none},
		{"${external.3.block4/20}", dual, none},
		{"${node.1.ip}/32", v4, "198.51.100.1/32"},
		{"${node.2.ip}/32", v4, none},
		{"${cluster.podCIDR}", v6, "fd00::/64"},
		{"${cluster.podCIDR4}", dual, "10.1.0.0/16"},
		{"${cluster.podCIDR6}", dual, "fd00::/64"},
		{"${cluster.podCIDR4}", v6, none},
	}
	for _, test := range tests {
		m := manifest(t, `{podSelector: {}, egress: [{to: [{ipBlock: {cidr: "`+test.text+`"}}]}]}`)
		p, err := m.Render(test.binding)
		switch {
		case test.want == none:
			if !errors.Is(err, ErrNoAddress) {
				t.Errorf("%s: error %v, want ErrNoAddress", test.text, err)
			}
		case err != nil:
			t.Errorf("%s: %v", test.text, err)
		default:
			if got := p.Spec.Egress[0].To[0].IPBlock.CIDR; got != test.want {
				t.Errorf("%s is %s, want %s", test.text, got, test.want)
			}
		}
	}
}

func TestRender(t *testing.T) {
	m := manifest(t, `{
		podSelector: {matchLabels: {team: "${ns.x}"}},
		ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: ["${ns.x}", "${ns.kube-system}"]}]}}], ports: [{port: 80}]}],
		egress: [{to: [{ipBlock: {cidr: "${external.cidr4}", except: ["${external.ip4}/32"]}}]}]}`)
	before := m.policy.DeepCopy()
	p, err := m.Render(cluster(flow.IPv4))
	if err != nil {
		t.Fatal(err)
	}
	if p.Namespace != "x-7" || p.Spec.PodSelector.MatchLabels["team"] != "x-7" {
		t.Errorf("namespace %q, selector %v", p.Namespace, p.Spec.PodSelector)
	}
	if values := p.Spec.Ingress[0].From[0].NamespaceSelector.MatchExpressions[0].Values; !slices.Equal(values, []string{"x-7", "kube-system"}) {
		t.Errorf("values %v", values)
	}
	if except := p.Spec.Egress[0].To[0].IPBlock.Except; !slices.Equal(except, []string{"192.0.2.1/32"}) {
		t.Errorf("except %v", except)
	}
	if len(p.Spec.PolicyTypes) != 2 || *p.Spec.Ingress[0].Ports[0].Protocol != "TCP" {
		t.Error("the policy was not defaulted")
	}
	if m.policy.Namespace != before.Namespace || m.policy.Spec.Egress[0].To[0].IPBlock.CIDR != "${external.cidr4}" || m.policy.Spec.PodSelector.MatchLabels["team"] != "${ns.x}" {
		t.Error("rendering changed the manifest")
	}
}

func TestRenderRefuses(t *testing.T) {
	tests := []struct{ spec, want string }{
		{`{podSelector: {matchLabels: {a: "${ns.y}"}}}`, `namespace "y" is not part of the cluster`},
		{`{podSelector: {matchLabels: {a: "${nonsense}"}}}`, "unknown variable ${nonsense}"},
		{`{podSelector: {matchLabels: {a: "${external.block4/33}"}}}`, "unknown variable ${external.block4/33}"},
		{`{podSelector: {matchLabels: {a: "${external.beside6/0}"}}}`, "unknown variable ${external.beside6/0}"},
		{`{podSelector: {matchLabels: {a: "${external.block4/020}"}}}`, "unknown variable ${external.block4/020}"},
		{`{podSelector: {matchLabels: {a: "${node.1.block4/20}"}}}`, "unknown variable ${node.1.block4/20}"},
		{`{podSelector: {matchLabels: {a: "${external.cidr4/20}"}}}`, "unknown variable ${external.cidr4/20}"},
		{`{podSelector: {}, ingress: [{ports: [{port: 0}]}]}`, "spec.ingress[0].ports[0].port"},
	}
	for _, test := range tests {
		if _, err := manifest(t, test.spec).Render(cluster(flow.IPv4)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.spec, err, test.want)
		}
	}
	elsewhere := manifest(t, "{}")
	elsewhere.policy.Namespace = "y"
	if _, err := elsewhere.Render(cluster(flow.IPv4)); err == nil {
		t.Error("a policy of an unknown namespace was rendered")
	}
}

// TestSymbolic shows that the invented cluster keeps what Binding promises.
func TestSymbolic(t *testing.T) {
	top := small().Topology
	b := Symbolic(top)
	inside := func(cidrs []netip.Prefix, a netip.Addr) bool {
		return slices.ContainsFunc(cidrs, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	seen := map[netip.Addr]flow.Endpoint{}
	for e, addrs := range b.Addresses {
		if len(addrs) != 2 || !addrs[0].Is4() || !addrs[1].Is6() {
			t.Errorf("%s has %v, want an IPv4 and an IPv6 address", e, addrs)
		}
		for _, a := range addrs {
			if other, ok := seen[a]; ok {
				t.Errorf("%s and %s share %s", e, other, a)
			}
			seen[a] = e
			if inside(b.PodCIDRs, a) != (e.Kind == flow.KindPod) || inside(b.ExternalCIDRs, a) != (e.Kind == flow.KindExternal) {
				t.Errorf("%s of %s is in the wrong range", a, e)
			}
		}
	}
	if want := len(top.Pods) + top.External.Hosts + top.NodeCount(); len(b.Addresses) != want {
		t.Errorf("%d endpoints have addresses, want %d", len(b.Addresses), want)
	}
	if b.Namespaces["x"] != "x" || b.Namespaces["kube-system"] != "kube-system" {
		t.Errorf("namespaces %v", b.Namespaces)
	}
}

func TestFillLeavesTheDefaultsToTheServer(t *testing.T) {
	list, err := Load(scenarios.FS, "guide/policy-types-defaulting.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, binding := list[0].Steps[0].Acts[0].Apply[0], Symbolic(list[0].Topology)
	sent, err := m.Fill(binding)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := m.Render(binding)
	if err != nil {
		t.Fatal(err)
	}
	if len(sent.Spec.PolicyTypes) != 0 || len(stored.Spec.PolicyTypes) == 0 {
		t.Errorf("sent with policyTypes %q, stored with %q", sent.Spec.PolicyTypes, stored.Spec.PolicyTypes)
	}
}
