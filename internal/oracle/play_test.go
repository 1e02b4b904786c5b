package oracle

import (
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

// TestShippedScenarios: the two witnesses agree on every flow of every scenario.
func TestShippedScenarios(t *testing.T) {
	dirs, err := fs.ReadDir(scenarios.FS, ".")
	check(t, err)
	var topics []string
	for _, dir := range dirs {
		if dir.IsDir() && dir.Name() != "topologies" {
			topics = append(topics, dir.Name())
		}
	}
	list, err := scenario.Load(scenarios.FS, topics...)
	check(t, err)
	for _, s := range list {
		t.Run(s.Name, func(t *testing.T) {
			for _, d := range Check(s, scenario.Symbolic(s.Topology), scenario.AllAxes()) {
				t.Errorf("%s:%d: %s", s.File, d.Row, d)
			}
		})
	}
}

const header = `apiVersion: cniproof.dev/v1alpha1
kind: Scenario
metadata: {name: test}
spec:
  summary: A scenario of the oracle's own tests.
  level: must
  features: [ingress, pod-selector, two-nodes]
  refs: [https://kubernetes.io/docs/concepts/services-networking/network-policies/]
  topology:
    namespaces: {x: {labels: {env: x}}, y: {labels: {env: y}}}
    pods:
      x/a: {labels: {pod: a}, node: 1, ports: [80/TCP]}
      x/b: {labels: {pod: b}, node: 1, ports: [80/TCP]}
      y/c: {labels: {pod: c}, node: 2, ports: [80/TCP]}
  steps:
`

// load reads a scenario of header and steps; edits replace words of it.
func load(t *testing.T, steps string, edits ...string) *scenario.Scenario {
	t.Helper()
	text := strings.NewReplacer(edits...).Replace(header + steps)
	list, err := scenario.Load(fstest.MapFS{"test.yaml": {Data: []byte(text)}}, "test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

const letBIn = `
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: let-b-in, namespace: x}
      spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}
`

// TestPlay follows applied, relabelled, updated and deleted objects.
func TestPlay(t *testing.T) {
	s := load(t, `
  - name: applied`+letBIn+`
    expect: {default: allow, flows: [{deny: "* -> x/a"}, {allow: "x/b -> x/a"}]}
  - name: relabelled
    label: {x/b: {pod: null, other: "1"}}
    expect: {default: allow, flows: [{deny: "* -> x/a"}]}
  - name: the target too
    label: {x/a: {pod: none}, y: {env: null}}
    expect: {default: allow}
  - name: back again, and recreated
    label: {x/a: {pod: a}, x/b: {pod: b, other: null}}
    recreate: [x/a]
    expect: {default: allow, flows: [{deny: "* -> x/a"}, {allow: "x/b -> x/a"}]}
  - name: updated
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: let-b-in, namespace: x}
      spec: {podSelector: {matchLabels: {pod: b}}}
    expect: {default: allow, flows: [{deny: "* -> x/b"}]}
  - name: deleted
    delete: [networkpolicy/x/let-b-in]
    expect: {default: allow}
`)
	b := scenario.Symbolic(s.Topology)
	if found := Check(s, b, scenario.AllAxes()); len(found) > 0 {
		t.Fatal(found)
	}
	play := NewPlay(s)
	for range s.Steps {
		_, err := play.Next(b, b)
		check(t, err)
	}
	if _, err := play.Next(b, b); err == nil {
		t.Error("there is a step after the last")
	}
}

// TestPlayKeepsWorlds: what a later step changes leaves earlier worlds and the
// scenario alone.
func TestPlayKeepsWorlds(t *testing.T) {
	s := load(t, `
  - name: applied`+letBIn+`
    expect: {default: allow, flows: [{deny: "* -> x/a"}, {allow: "x/b -> x/a"}]}
  - name: relabelled
    label: {x/b: {pod: null}, y: {env: x}}
    expect: {default: allow, flows: [{deny: "* -> x/a"}]}
`)
	b := scenario.Symbolic(s.Topology)
	play := NewPlay(s)
	first, err := play.Next(b, b)
	check(t, err)
	_, err = play.Next(b, b)
	check(t, err)
	if got := first.Explain(parseFlow(t, "x/b -> x/a:80/TCP")).Verdict; got != flow.Allow {
		t.Errorf("the first world changed: %s", got)
	}
	if got := first.Pods[1].Labels["pod"] + first.Namespaces["y"]["env"]; got != "by" {
		t.Errorf("the first world's labels changed: %q", got)
	}
	if got := s.Topology.Pods[1].Labels["pod"]; got != "b" {
		t.Errorf("the scenario's labels changed: %q", got)
	}
}

// TestPlayUsesRealNames: policies carry the real names of a cluster, flows and
// sentences the scenario's.
func TestPlayUsesRealNames(t *testing.T) {
	s := load(t, `
  - name: applied
    label: {x/b: {claims: "${ns.y}"}}
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: by-name, namespace: x}
      spec:
        podSelector: {}
        ingress:
        - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "${ns.y}"}}}]
    expect: {default: allow, flows: [{deny: "x/* -> x/*"}]}
`, "pod-selector", "namespace-selector")
	b := scenario.Symbolic(s.Topology)
	b.Namespaces = map[string]string{"x": "run-7-x", "y": "run-7-y", "kube-system": "kube-system"}
	if found := Check(s, b, scenario.AllAxes()); len(found) > 0 {
		t.Fatal(found)
	}
	w, err := NewPlay(s).Next(b, b)
	check(t, err)
	if got := w.Policies[0].Namespace; got != "run-7-x" {
		t.Errorf("the policy is in %q", got)
	}
	if i := slices.IndexFunc(w.Pods, func(p scenario.Pod) bool { return p.Name == "b" && p.Namespace == "x" }); w.Pods[i].Labels["claims"] != "run-7-y" {
		t.Errorf("x/b has the labels %v", w.Pods[i].Labels)
	}
	const want = "must be denied: policy x/by-name selects x/a for ingress, and no rule admits x/b: " +
		"rule 1 peer 1 wants namespace label kubernetes.io/metadata.name=y, but namespace x has kubernetes.io/metadata.name=x"
	if got := w.Explain(parseFlow(t, "x/b -> x/a:80/TCP")).Short(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestPlayKeepsRenderedAddresses: a policy does not follow a pod to its new address.
func TestPlayKeepsRenderedAddresses(t *testing.T) {
	s := load(t, `
  - name: applied
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: by-address, namespace: x}
      spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{ipBlock: {cidr: "${pod.y/c.ip4}/32"}}]}]}
    expect: {default: allow, flows: [{deny: "* -> x/a"}]}
  - name: recreated
    recreate: [y/c]
    expect: {default: allow, flows: [{deny: "* -> x/a"}]}
`, "level: must", "level: contested", "pod-selector", "ip-block")
	before := scenario.Symbolic(s.Topology)
	after := scenario.Symbolic(s.Topology)
	after.Addresses[flow.Pod("y", "c")] = []netip.Addr{netip.MustParseAddr("10.244.2.99")}
	play := NewPlay(s)
	for i, want := range []flow.Verdict{flow.Allow, flow.Deny} {
		now := []scenario.Binding{before, after}[i]
		w, err := play.Next(before, now)
		check(t, err)
		if got := w.Expect(parseFlow(t, "y/c -> x/a:80/TCP")); got != want {
			t.Errorf("step %d: got %s, want %s", i+1, got, want)
		}
	}
}

func TestCheckReports(t *testing.T) {
	cases := []struct {
		name, steps string
		edits       []string
		want        []string
	}{
		{
			name: "a wrong line and a wrong default",
			steps: `
  - name: applied` + letBIn + `
    expect:
      default: allow
      flows:
      - deny: "y/c -> x/*"
  - name: deleted
    delete: [networkpolicy/x/let-b-in]
    expect: {default: allow}
`,
			want: []string{
				`27: step "applied": the file says deny for y/c -> x/b:80/TCP via podIP over ipv4, which must be allowed: no policy selects y/c for egress or x/b for ingress`,
				`27: step "applied": the file says deny for y/c -> x/b:80/TCP via podIP over ipv6, which must be allowed: no policy selects y/c for egress or x/b for ingress`,
			},
		},
		{
			name: "a forgotten denial",
			steps: `
  - name: applied` + letBIn + `
    expect: {default: allow}
`,
			want: []string{
				`0: step "applied": the file says allow for y/c -> x/a:80/TCP via podIP over ipv4, which must be denied: policy x/let-b-in selects x/a for ingress, ` +
					`and no rule admits y/c: rule 1 peer 1 wants pods of namespace x, and y/c is in y, and wants pod label pod=b, but y/c has pod=c`,
				`0: step "applied": the file says allow for y/c -> x/a:80/TCP via podIP over ipv6, which must be denied: policy x/let-b-in selects x/a for ingress, ` +
					`and no rule admits y/c: rule 1 peer 1 wants pods of namespace x, and y/c is in y, and wants pod label pod=b, but y/c has pod=c`,
			},
		},
		{
			name:  "vacuous",
			steps: "\n  - {name: nothing, expect: {default: allow}}\n",
			edits: []string{"[ingress, pod-selector, two-nodes]", "[two-nodes]"},
			want:  []string{"0: no flow's verdict changes in any step, so a cluster that enforces nothing passes; say `control: true` if that is meant"},
		},
		{
			name: "nothing but what is not settled",
			steps: `
  - name: applied
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: pods-by-address, namespace: x}
      spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: "::/0"}}]}]}
    expect: {default: allow, flows: [{undefined: "* -> x/*"}]}
`,
			edits: []string{"pod-selector", "ip-block"},
			want:  []string{"0: no flow's verdict changes in any step, so a cluster that enforces nothing passes; say `control: true` if that is meant"},
		},
		{
			name: "nothing but what is not settled, unscored",
			steps: `
  - name: applied
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: pods-by-address, namespace: x}
      spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: "::/0"}}]}]}
    expect: {default: allow, flows: [{undefined: "* -> x/*"}]}
`,
			edits: []string{"pod-selector", "ip-block", "level: must", "level: undefined"},
		},
		{
			name:  "a control",
			steps: "\n  - {name: nothing, expect: {default: allow}}\n",
			edits: []string{"[ingress, pod-selector, two-nodes]", "[two-nodes]", "level: must", "level: must\n  control: true"},
		},
		{
			name: "a control that changes something",
			steps: `
  - name: applied` + letBIn + `
    expect: {default: allow, flows: [{deny: "y/c -> x/a"}]}
`,
			edits: []string{"level: must", "level: must\n  control: true"},
			want:  []string{"0: `control: true` says that no flow's verdict changes, but some do"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := load(t, c.steps, c.edits...)
			axes := scenario.AllAxes()
			axes.Vias = []flow.Via{flow.PodIP}
			var got []string
			for _, d := range Check(s, scenario.Symbolic(s.Topology), axes) {
				got = append(got, fmt.Sprintf("%d: %s", d.Row, d))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}
