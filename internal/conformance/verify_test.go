package conformance

import (
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/judge"
)

// lie is an edit of a published report, and the problem that it must become, without
// the runs and with them.
type lie struct {
	name     string
	old, now string
	alone    string // "" where only the runs can tell
	withRuns string
}

func lies() []lie {
	return []lie{
		{"result", "result: failure", "result: success", `profiles[0].result: is "success", but its lists come to "failure"`, `but the runs come to "failure"`},
		{"statistics", "passed: 0\n", "passed: 3\n", "profiles[0].statistics.passed: is 3", "profiles[0].statistics.passed: is 3, but the runs come to 0"},
		{"failure hidden", "failedScenarios:\n      - deny-all\n", "failedScenarios: []\n", `profiles[0].result: is "failure", but its lists come to "partial"`, `profiles[0].failedScenarios: is [], but the runs come to ["deny-all"]`},
		{"feature", "unsupportedFeatures:\n      - egress\n", "unsupportedFeatures:\n", `profiles[0].unsupportedFeatures: is ["external-host","ingress"]`, `profiles[0].unsupportedFeatures: is ["external-host","ingress"], but the runs come to ["egress","external-host","ingress"]`},
		{"part for the whole", "notRunScenarios:\n      - allow-one\n", "notRunScenarios: []\n", "profiles[0].statistics.notRun: is 1", "profiles[0].notRunScenarios: is []"},
		{"another library", "scenarios: 6\n", "scenarios: 5\n", "library.scenarios: is 5, and the library has 6", "library.scenarios"},
		{"library's digest", "digest: " + libraryDigest, "digest: sha256:" + strings.Repeat("0", 64), "library.digest: is ", "library.digest: is "},
		{"version", "version: v1.2.3\n  url", "version: v1.3.0\n  url", `implementation.version: is "v1.3.0", but the runs judged Example v1.2.3`, "implementation.version"},
		{"Kubernetes", "kubernetesVersion: v1.36.3", "kubernetesVersion: v1.37.0", "", `kubernetesVersion: is "v1.37.0", but the runs come to "v1.36.3"`},
		{"date", `date: "2026-02-03"`, "date: today", "date: must be a day", `date: is "today"`},
		{"reason", "reason: no host", "reason: no reason", "", "profiles[0].skippedScenarios[0].reason"},
		{"none", "", "", "", ""},
	}
}

func liar(t *testing.T) (*Source, string) {
	t.Helper()
	s := source(t, "run.json", input(became("deny-all", judge.Fail, "wrong"), without("allow-one"), became("from-outside", judge.Skipped, "no host")))
	r, err := small().New(about(), s)
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.YAML()
	if err != nil {
		t.Fatal(err)
	}
	return s, string(text)
}

// TestLies changes one thing in a published report at a time.
func TestLies(t *testing.T) {
	s, honest := liar(t)
	for _, l := range lies() {
		if l.old != "" && !strings.Contains(honest, l.old) {
			t.Fatalf("%s: no %q in\n%s", l.name, l.old, honest)
		}
		f, err := Read("report.yaml", []byte(strings.Replace(honest, l.old, l.now, 1)))
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		for want, from := range map[string][]*Source{l.alone: nil, l.withRuns: {s}} {
			problems, err := small().Verify(f, from...)
			if err != nil {
				t.Fatal(err)
			}
			if want == "" && len(problems) > 0 || !strings.Contains(problems.Error(), want) {
				t.Errorf("%s, from %d runs: got %q, want %q", l.name, len(from), problems.Error(), want)
			}
		}
	}
}

// TestAllLiesAtOnce: every mistake is named, each with its line.
func TestAllLiesAtOnce(t *testing.T) {
	s, text := liar(t)
	count := 0
	for _, l := range lies() {
		if l.withRuns != "" && strings.Contains(text, l.old) {
			text = strings.Replace(text, l.old, l.now, 1)
			count++
		}
	}
	f, err := Read("report.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	problems, err := small().Verify(f, s)
	if err != nil || len(problems) < count {
		t.Errorf("%d lies, %d problems, %v:\n%v", count, len(problems), err, problems)
	}
	lines := strings.Split(text, "\n")
	for _, p := range problems {
		name := p.Field[strings.LastIndex(p.Field, ".")+1:]
		name, _, _ = strings.Cut(name, "[")
		if p.Line == 0 || !strings.Contains(strings.Join(lines[max(0, p.Line-4):p.Line], "\n"), name) {
			t.Errorf("line %d is not that of %s", p.Line, p.Field)
		}
	}
}

// TestOtherRuns: a report is not verified by runs that it was not made from.
func TestOtherRuns(t *testing.T) {
	_, f := made(t, source(t, "a.json", input()))
	problems, err := small().Verify(f, source(t, "b.json", input(became("allow-one", judge.Inconclusive, "busy"))))
	if err != nil || !strings.Contains(problems.Error(), "runs[0].digest") {
		t.Errorf("got %v, %v", problems, err)
	}
}

// TestScenarioTwice: a scenario has one outcome.
func TestScenarioTwice(t *testing.T) {
	_, honest := liar(t)
	text := strings.Replace(honest, "notRunScenarios:\n      - allow-one\n", "notRunScenarios:\n      - allow-one\n      - deny-all\n      - port-range\n", 1)
	f, err := Read("report.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	problems, _ := small().Verify(f)
	for _, want := range []string{`"deny-all" is profiles[0].failedScenarios[0] already`, `"port-range" is no scenario of the profile core`} {
		if !strings.Contains(problems.Error(), want) {
			t.Errorf("no %q in %v", want, problems)
		}
	}
}

func TestMalformed(t *testing.T) {
	_, honest := liar(t)
	for want, text := range map[string]string{
		"report.yaml: holds no document":                   "",
		"report.yaml:1: apiVersion: must be":               strings.Replace(honest, "v1alpha1", "v9", 1),
		`report.yaml:2: kind: must be "ConformanceReport"`: strings.Replace(honest, "kind: ConformanceReport", "kind: Report", 1),
		`unknown field "reslut"`:                           strings.Replace(honest, "result: ", "reslut: ", 1),
		"profiles[0].statistics.passed: ":                  strings.Replace(honest, "passed: 0", "passed: many", 1),
		"report.yaml:1: date: is missing":                  strings.Replace(honest, `date: "2026-02-03"`+"\n", "", 1),
		"a second document":                                honest + "---\n" + honest,
		"failedScenarios: must be a list":                  strings.Replace(honest, "failedScenarios:\n      - deny-all", "failedScenarios: none", 1),
	} {
		if _, err := Read("report.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestCheckImplementation(t *testing.T) {
	if ps := about().Check(); len(ps) > 0 {
		t.Error(ps)
	}
	i := Implementation{URL: "example.com", Contact: []string{"somebody", "a@example.com", "@", "https://example.com"}}
	want := "contact[0], contact[2], organization, project, url, version"
	var fields []string
	for _, p := range i.Check() {
		fields = append(fields, p.Field)
	}
	if got := strings.Join(fields, ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
