package scenario

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/scenarios"
)

// base is a sound scenario that the tests below break, one spot at a time.
const base = `apiVersion: cniproof.dev/v1alpha1
kind: Scenario
metadata:
  name: base
spec:
  summary: Only api reaches db.
  level: must
  features: [ingress, pod-selector]
  refs: [https://kubernetes.io/docs]
  topology:
    namespaces:
      prod: {labels: {env: prod}}
      test: {}
    pods:
      prod/db:  {labels: {role: db}, node: 1, ports: [3306/TCP, dns=53/UDP]}
      prod/api: {labels: {role: api}, node: 2}
      test/web: {node: 1, ports: [80/TCP]}
    external: {ports: [443/TCP]}
  steps:
  - name: open
    expect: {default: allow}
  - name: closed
    within: 30s
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: db, namespace: prod}
      spec:
        podSelector: {matchLabels: {role: db}}
        ingress:
        - from: [{podSelector: {matchLabels: {role: api}}}]
          ports: [{port: 3306}]
    label:
      prod/api: {role: api, old: null}
      test: {env: test}
    recreate: [prod/db]
    expect:
      default: allow
      flows:
      - deny:  "* -> prod/db"
      - allow: "prod/api -> prod/db:3306/TCP"
  - name: open again
    delete: [networkpolicy/prod/db]
    expect: {default: allow}
`

func loadText(t *testing.T, text string) (*Scenario, Problems) {
	t.Helper()
	list, err := Load(fstest.MapFS{"base.yaml": {Data: []byte(text)}}, "base.yaml")
	if err != nil {
		var problems Problems
		if !errors.As(err, &problems) {
			t.Fatalf("error is a %T, want Problems", err)
		}
		return nil, problems
	}
	return list[0], nil
}

func TestLoad(t *testing.T) {
	got, problems := loadText(t, base)
	if problems != nil {
		t.Fatal(problems)
	}
	apiLabel, testLabel := "api", "test"
	want := &Scenario{
		Name: "base", File: "base.yaml", Summary: "Only api reaches db.", Level: LevelMust,
		Features: []string{"ingress", "pod-selector"},
		Refs:     []string{"https://kubernetes.io/docs"},
		Topology: Topology{
			Namespaces: []Namespace{{"prod", map[string]string{"env": "prod"}}, {"test", nil}},
			Pods: []Pod{
				{"prod", "api", map[string]string{"role": "api"}, 2, nil, false, nil, nil},
				{"prod", "db", map[string]string{"role": "db"}, 1, []flow.Port{{Number: 3306, Protocol: flow.TCP}, {Number: 53, Protocol: flow.UDP, Name: "dns"}}, false, nil, nil},
				{"test", "web", nil, 1, []flow.Port{{Number: 80, Protocol: flow.TCP}}, false, nil, nil},
			},
			External: External{Hosts: 1, Ports: []flow.Port{{Number: 443, Protocol: flow.TCP}}},
		},
		Steps: []Step{
			{Name: "open", Times: 1, Expect: Expectation{Default: flow.Allow}},
			{
				Name:   "closed",
				Times:  1,
				Within: 30 * time.Second,
				Acts: []Act{{
					Recreate: []flow.Endpoint{flow.Pod("prod", "db")},
					Label: []LabelChange{
						{"prod", "api", map[string]*string{"role": &apiLabel, "old": nil}},
						{"test", "", map[string]*string{"env": &testLabel}},
					},
				}},
				Expect: Expectation{Default: flow.Allow, Lines: []Line{
					{Verdict: flow.Deny, Text: "* -> prod/db", Row: 40},
					{Verdict: flow.Allow, Text: "prod/api -> prod/db:3306/TCP", Row: 41},
				}},
			},
			{Name: "open again", Times: 1, Acts: []Act{{Delete: []PolicyKey{{"prod", "db"}}}}, Expect: Expectation{Default: flow.Allow}},
		},
	}
	ignored := cmp.Options{cmpopts.IgnoreFields(Act{}, "Apply"), cmpopts.IgnoreFields(Step{}, "Source"), cmpopts.IgnoreUnexported(Line{}, Expectation{})}
	if diff := cmp.Diff(want, got, ignored); diff != "" {
		t.Errorf("loaded scenario differs, -want +got:\n%s", diff)
	}
	if key := got.Steps[1].Acts[0].Apply[0].Key(); key != (PolicyKey{"prod", "db"}) {
		t.Errorf("policy is %v", key)
	}
}

// TestEveryRuleFires breaks the sound scenario at one spot and wants exactly one
// problem, which names the field.
func TestEveryRuleFires(t *testing.T) {
	tests := []struct{ name, old, replacement, field, message string }{
		{"name differs from file", "name: base", "name: other", "metadata.name", "the file is called base"},
		{"name missing", "metadata:\n  name: base", "metadata: {}", "metadata.name", "is missing"},
		{"unknown version", "cniproof.dev/v1alpha1", "cniproof.dev/v1", "apiVersion", "write apiVersion: cniproof.dev/v1alpha1"},
		{"no version", "apiVersion: cniproof.dev/v1alpha1\n", "", "apiVersion", "is missing"},
		{"no summary", "summary: Only api reaches db.", "control: false", "spec.summary", "is missing"},
		{"unknown level", "level: must", "level: shall", "spec.level", "unknown level"},
		{"no level", "level: must", "control: false", "spec.level", "is missing"},
		{"unknown feature", "[ingress, pod-selector]", "[ingress, pod-selector, pod-selectors]", "spec.features[2]", `did you mean "pod-selector"?`},
		{"unused feature", "[ingress, pod-selector]", "[ingress, pod-selector, egress]", "spec.features[2]", "nothing in the scenario uses it"},
		{"undeclared feature", "[ingress, pod-selector]", "[ingress]", "spec.features", "lacks pod-selector, which the policies use: write features: [ingress, pod-selector]"},
		{"undeclared end-port", "{port: 3306}", "{port: 3306, endPort: 3307}", "spec.features", "lacks end-port"},
		{"undeclared sctp", "{port: 3306}", "{port: 3306, protocol: SCTP}", "spec.features", "lacks sctp"},
		{"undeclared named-port", "{port: 3306}", "{port: mysql}", "spec.features", "lacks named-port"},
		{"undeclared egress", "        ingress:", "        egress: [{}]\n        ingress:", "spec.features", "lacks egress"},
		{"undeclared ip-block", "[{podSelector: {matchLabels: {role: api}}}]", "[{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}]", "spec.features", "lacks ip-block"},
		{"undeclared except", "[{podSelector: {matchLabels: {role: api}}}]", "[{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]", "spec.features", "lacks except, ip-block"},
		{"undeclared namespace-selector", "from: [{podS", "from: [{namespaceSelector: {}, podS", "spec.features", "lacks namespace-selector"},
		{"undeclared match-expressions", "podSelector: {matchLabels: {role: db}}", "podSelector: {matchExpressions: [{key: role, operator: Exists}]}", "spec.features", "lacks match-expressions"},
		{"declared twice", "[ingress, pod-selector]", "[ingress, pod-selector, ingress]", "spec.features[2]", "declared twice"},
		{"bad reference", "[https://kubernetes.io/docs]", "[kubernetes.io/docs]", "spec.refs[0]", "must be an http or https URL"},
		{"no topology", base[strings.Index(base, "  topology:"):strings.Index(base, "  steps:")], "", "spec.topology", "is missing"},
		{"unknown topology", base[strings.Index(base, "  topology:"):strings.Index(base, "  steps:")], "  topology: standrad\n", "spec.topology", `did you mean "standard"?`},
		{"duplicate pod", "      test/web:", "      prod/db: {node: 2}\n      test/web:", "spec.topology.pods[prod/db]", "duplicate key"},
		{"node below one", "node: 2}", "node: 0}", "spec.topology.pods[prod/api].node", "counted from 1"},
		{"bad port", "[80/TCP]", "[80]", "spec.topology.pods[test/web].ports[0]", "must be a string"},
		{"bad protocol", "[80/TCP]", "[80/HTTP]", "spec.topology.pods[test/web].ports[0]", "with TCP, UDP or SCTP"},
		{"no steps", base[strings.Index(base, "  steps:"):], "  steps: []\n", "spec.steps", "at least one step"},
		{"step without a name", "- name: open again", "- name: ''", "spec.steps[2].name", "every step needs a name"},
		{"step named twice", "- name: open again", "- name: open", "spec.steps[2].name", "is the name of step 1 already"},
		{"bad duration", "within: 30s", "within: 30", "spec.steps[1].within", "must be a string"},
		{"unknown verdict", "default: allow\n      flows", "default: pass\n      flows", "spec.steps[1].expect.default", "must be allow, deny or undefined"},
		{"no expectation", "    delete: [networkpolicy/prod/db]\n    expect: {default: allow}\n", "    delete: [networkpolicy/prod/db]\n", "spec.steps[2].expect.default", "is missing"},
		{"missing pod in a line", `"prod/api -> prod/db:3306/TCP"`, `"prod/apis -> prod/db:3306/TCP"`, "spec.steps[1].expect.flows[1].allow", `did you mean "prod/api"?`},
		{"missing namespace in a line", `"* -> prod/db"`, `"dev/* -> prod/db"`, "spec.steps[1].expect.flows[0].deny", `namespace "dev" is not in the topology`},
		{"line without a flow", `prod/db:3306/TCP"`, `prod/db:3307/TCP"`, "spec.steps[1].expect.flows[1].allow", "the destination serves 53/UDP, 3306/TCP"},
		{"line by a path that is not there", `"* -> prod/db"`, `"external -> prod/db via clusterIP"`, "spec.steps[1].expect.flows[0].deny", "no such path"},
		{"line undone", `- allow: "prod/api -> prod/db:3306/TCP"`, `- allow: "*/* -> prod/db"` + "\n" + `      - deny: "external -> prod/db"`, "spec.steps[1].expect.flows[0].deny", "later lines together"},
		{"line contradicted", `- allow: "prod/api -> prod/db:3306/TCP"`, `- allow: "* -> prod/db"`, "spec.steps[1].expect.flows[0].deny", "line 41 contradicts it"},
		{"policy in a missing namespace", "metadata: {name: db, namespace: prod}", "metadata: {name: db, namespace: dev}", "spec.steps[1].apply[0].metadata.namespace", "is not in the topology"},
		{"policy refused by the API", "{port: 3306}", "{port: 0}", "spec.steps[1].apply[0].spec.ingress[0].ports[0].port", "between 1 and 65535"},
		{"unknown variable", "{role: db}}\n        ingress", "{role: '${role}'}}\n        ingress", "spec.steps[1].apply[0].spec.podSelector.matchLabels[role]", "unknown variable ${role}"},
		{"variable of a missing namespace", "{role: db}}\n        ingress", "{role: '${ns.dev}'}}\n        ingress", "spec.steps[1].apply[0].spec.podSelector.matchLabels[role]", "is not in the topology"},
		{"deleting what is not there", "[networkpolicy/prod/db]", "[networkpolicy/prod/web]", "spec.steps[2].delete[0]", "does not exist at this step"},
		{"bad deletion", "[networkpolicy/prod/db]", "[networkpolicy/db]", "spec.steps[2].delete[0]", "must be networkpolicy/NAMESPACE/NAME"},
		{"labelling a missing pod", "prod/api: {role: api, old: null}", "prod/cache: {role: api}", "spec.steps[1].label[prod/cache]", "is not in the topology"},
		{"labelling a missing namespace", "test: {env: test}\n    rec", "dev: {env: test}\n    rec", "spec.steps[1].label[dev]", "is not in the topology"},
		{"bad label", "old: null", "old: 'a b'", "spec.steps[1].label[prod/api][old]", "a valid label"},
		{"recreating a missing pod", "recreate: [prod/db]", "recreate: [prod/cache]", "spec.steps[1].recreate[0]", "is not in the topology"},
		{"unknown field", "recreate:", "recraete:", "spec.steps[1].recraete", `did you mean "recreate"?`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(base, test.old) {
				t.Fatalf("the sound scenario does not contain %q", test.old)
			}
			_, problems := loadText(t, strings.Replace(base, test.old, test.replacement, 1))
			found := slices.IndexFunc(problems, func(p Problem) bool {
				return p.Field == test.field && strings.Contains(p.Message, test.message) && p.Line > 0
			})
			// What follows from a missing name would be reported for every use of it.
			if found < 0 || len(problems) > 1 && !strings.Contains(test.name, "missing namespace") {
				t.Errorf("want one problem, %s: %s; got\n%v", test.field, test.message, problems)
			}
		})
	}
}

func TestLoadReportsEveryFile(t *testing.T) {
	fsys := fstest.MapFS{
		"a/one.yaml":       {Data: []byte("kind: [")},
		"a/two.yaml":       {Data: []byte(strings.Replace(base, "level: must", "level: shall", 1))},
		"b/policy.yaml":    {Data: []byte("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n")},
		"b/documents.yaml": {Data: []byte(base + "---\n" + base)},
		"b/nothing.yaml":   {Data: []byte("\n")},
		"b/ignored.txt":    {Data: []byte("kind: [")},
	}
	_, err := Load(fsys, "a", "b", "b", "c")
	want := `a/one.yaml:1: is not YAML: did not find expected node content
a/two.yaml:4: metadata.name: is "base", but the file is called two: the two must be alike
a/two.yaml:7: spec.level: unknown level "shall": known are contested, must, optional, undefined
b/documents.yaml:4: metadata.name: is "base", but the file is called documents: the two must be alike
b/documents.yaml:46: a second document begins here: one file holds one scenario
b/nothing.yaml: holds no document
b/policy.yaml: holds a NetworkPolicy, not a Scenario: put policies under spec.steps[].apply
c: cannot be read: file does not exist`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestNamesAreUnique(t *testing.T) {
	fsys := fstest.MapFS{"a/base.yaml": {Data: []byte(base)}, "b/base.yaml": {Data: []byte(base)}}
	_, err := Load(fsys, ".")
	if err == nil || !strings.Contains(err.Error(), `b/base.yaml: the name "base" is taken by a/base.yaml`) {
		t.Errorf("got %v", err)
	}
}

func TestSharedTopologies(t *testing.T) {
	begin, end := strings.Index(base, "  topology:"), strings.Index(base, "  steps:")
	using := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(base[:begin] + "  topology: " + name + "\n" + base[end:])}
	}
	own := strings.ReplaceAll(base[begin+len("  topology:\n"):end], "\n    ", "\n  ")
	topology := &fstest.MapFile{Data: []byte("apiVersion: cniproof.dev/v1alpha1\nkind: Topology\nmetadata: {name: own}\nspec:\n  " + strings.TrimSpace(own) + "\n")}
	for _, place := range []string{"topologies/own.yaml", "mine/topologies/own.yaml", "mine/topic/topologies/own.yaml"} {
		fsys := fstest.MapFS{"mine/topic/base.yaml": using("own"), place: topology}
		list, err := Load(fsys, "mine")
		if err != nil {
			t.Errorf("with %s: %v", place, err)
			continue
		}
		if s := list[0]; s.Topology.Name != "own" || len(s.Topology.Pods) != 3 || s.Topic != "topic" {
			t.Errorf("with %s: topic %q, topology %+v", place, s.Topic, s.Topology)
		}
	}
	_, err := Load(fstest.MapFS{"base.yaml": using("standard")}, "base.yaml")
	if err == nil || strings.Contains(err.Error(), "topologies/") || !strings.Contains(err.Error(), `namespace "prod" is not in the topology`) {
		t.Errorf("with the shipped topology: %v", err)
	}
}

func TestShippedScenarios(t *testing.T) {
	begin := time.Now()
	list, err := Load(scenarios.FS, ".")
	if err != nil {
		t.Fatalf("\n%v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("loading %d scenarios took %v; an idle machine needs a fifth of a second", len(list), took)
	}
	if problems := CheckRefs(list); problems != nil {
		t.Error(problems)
	}
	for _, s := range list {
		if s.Topic == "" {
			t.Errorf("%s has no topic", s.Name)
		}
	}
}

func TestOSFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "base.yaml"), []byte(base), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{dir, filepath.Join(dir, "base.yaml")} {
		if list, err := Load(OSFiles(), p); err != nil || len(list) != 1 {
			t.Errorf("%s: %d scenarios, %v", p, len(list), err)
		}
	}
	if problems := CheckFile(OSFiles(), filepath.Join(dir, "base.yaml")); problems != nil {
		t.Error(problems)
	}
	if problems := CheckFile(OSFiles(), filepath.Join(dir, "none.yaml")); len(problems) != 1 {
		t.Error(problems)
	}
}

// TestAliasBomb shows that a few lines cannot be made to expand without bound.
func TestAliasBomb(t *testing.T) {
	var text strings.Builder
	text.WriteString("apiVersion: cniproof.dev/v1alpha1\nkind: Scenario\nmetadata: {name: base}\nspec:\n  steps:\n")
	repeat := func(of string) string { return strings.TrimSuffix(strings.Repeat(of+", ", 30), ", ") }
	fmt.Fprintf(&text, "  - &step {name: s, apply: [&policy {spec: {ingress: [&rule {from: [&peer {podSelector: {}}, %s]}, %s]}}, %s]}\n",
		repeat("*peer"), repeat("*rule"), repeat("*policy"))
	text.WriteString("  - *step\n" + strings.Repeat("  - *step\n", 30))
	_, problems := loadText(t, text.String())
	if !slices.ContainsFunc(problems, func(p Problem) bool { return strings.Contains(p.Message, "expands to more than") }) {
		t.Errorf("got %d problems, none about the expansion", len(problems))
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(base))
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fsys := fstest.MapFS{"base.yaml": {Data: text}}
		CheckFile(fsys, "base.yaml")
		list, err := Load(fsys, "base.yaml")
		if err != nil {
			return
		}
		// What was loaded can be used.
		for _, s := range list {
			binding := Symbolic(s.Topology)
			for m := range s.Manifests() {
				if _, err := m.Render(binding); err != nil {
					t.Errorf("rendering a policy of a sound scenario: %v", err)
				}
			}
		}
	})
}

func BenchmarkLoadShipped(b *testing.B) {
	for b.Loop() {
		if _, err := Load(scenarios.FS, "."); err != nil {
			b.Fatal(err)
		}
	}
}
