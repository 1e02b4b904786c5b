package conformance

import (
	"flag"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/goldentest"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/scenario"
)

var update = flag.Bool("update", false, "rewrite testdata and docs/conformance-schema.json")

// samples are runs of every kind that reports are made from.
func samples(t *testing.T) map[string][]*Source {
	t.Helper()
	deviates := func(in *report.Input) {
		in.Deviations = []report.Deviation{{
			Scenarios: []string{"port-range"}, Summary: "Ranges are not supported.", Link: "https://example.com/issues/1", Confirmed: "v1.2.3",
		}}
		s := entry(in, "port-range")
		s.Steps[0].Flaps = []judge.Flap{{}}
	}
	return map[string][]*Source{
		"success": {source(t, "run.json", input())},
		"partial": {source(t, "run.json", input(without("allow-one"), became("from-outside", judge.Skipped, "needs 1 hosts outside the cluster, there are 0"), became("sctp-isolates", judge.Inconclusive, "busy")))},
		"failure": {source(t, "run.json", input(became("deny-all", judge.Fail, "wrong"), became("port-range", judge.Fail, "flaps"), deviates))},
		"flaky": {
			source(t, "a.json", input()),
			source(t, "b.json", input(became("allow-one", judge.Fail, "wrong"))),
		},
		"shards": {
			source(t, "1.json", input(without("deny-all", "port-range", "own-node"))),
			source(t, "2.json", input(without("allow-one", "from-outside", "sctp-isolates"))),
		},
		"optional-skipped": {source(t, "run.json", input(became("sctp-isolates", judge.Skipped, "needs sctp: the kernel lacks it")))},
		"reference":        {source(t, "run.json", input(func(in *report.Input) { in.Cluster.Reference, in.Cluster.Provider = true, "embedded" }))},
	}
}

func TestGolden(t *testing.T) {
	for name, sources := range samples(t) {
		r, _ := made(t, sources...)
		text, err := r.YAML()
		if err != nil {
			t.Fatal(err)
		}
		goldentest.File(t, *update, filepath.Join("testdata", name+".yaml"), string(text))
		goldentest.File(t, *update, filepath.Join("testdata", name+".svg"), r.Badge())
	}
}

// TestResults is what each sample comes to, core and extended.
func TestResults(t *testing.T) {
	want := map[string]string{
		"success": "core success, extended success", "shards": "core success, extended success",
		"partial": "core partial, extended partial", "failure": "core failure, extended failure",
		"flaky": "core failure, extended success", "optional-skipped": "core success, extended success",
		"reference": "core success, extended success",
	}
	for name, sources := range samples(t) {
		r, f := made(t, sources...)
		if got := r.results(); got != want[name] {
			t.Errorf("%s: got %s, want %s", name, got, want[name])
		}
		slices.Reverse(sources)
		again, _ := made(t, sources...)
		if diff := cmp.Diff(r, again); diff != "" {
			t.Errorf("%s: the order of the runs matters (-want +got):\n%s", name, diff)
		}
		for _, from := range [][]*Source{nil, sources} {
			problems, err := small().Verify(f, from...)
			if bad := len(problems) > 0 || err != nil; bad != (name == "reference") {
				t.Errorf("%s, from %d runs: %v, %v", name, len(from), problems, err)
			}
		}
	}
}

// TestMerge is what two runs of one scenario come to.
func TestMerge(t *testing.T) {
	results := []judge.Result{judge.Skipped, judge.Pass, judge.Inconclusive, judge.Fail}
	want := [][]judge.Result{
		{judge.Skipped, judge.Pass, judge.Inconclusive, judge.Fail},
		{judge.Pass, judge.Pass, judge.Inconclusive, judge.Fail},
		{judge.Inconclusive, judge.Inconclusive, judge.Inconclusive, judge.Fail},
		{judge.Fail, judge.Fail, judge.Fail, judge.Fail},
	}
	for i, a := range results {
		for k, b := range results {
			got := worse(outcome{result: a}, outcome{result: b})
			flaky := a == judge.Pass && b == judge.Fail || a == judge.Fail && b == judge.Pass
			if got.result != want[i][k] || got.flaky != flaky {
				t.Errorf("%s and %s: got %+v, want %s", a, b, got, want[i][k])
			}
		}
	}
}

// TestDisqualified: what is no conformance says so, and is refused.
func TestDisqualified(t *testing.T) {
	for want, edit := range map[string]func(*report.Input){
		"reference engine":       func(in *report.Input) { in.Cluster.Reference = true },
		"faults were planted: x": func(in *report.Input) { in.Cluster.Faults = []string{"x"} },
		"interrupted":            func(in *report.Input) { in.Run.Interrupted = true },
		"ended early: no API":    func(in *report.Input) { in.Run.Err = "no API" },
		"preflight of a run did": func(in *report.Input) { in.Run.Preflight = judge.Preflight{Result: judge.Fail, Message: "open"} },
		"not cniproof's":         func(in *report.Input) { in.Library = report.Library{Scenarios: 1} },
		`version "v0.1.0-dirty"`: func(in *report.Input) { in.Tool = "v0.1.0-dirty" },
		`version "(devel)"`:      func(in *report.Input) { in.Tool = "(devel)" },
		`version "unknown"`:      func(in *report.Input) { in.Tool = "unknown" },
	} {
		s := source(t, "run.json", input(edit))
		r, f := made(t, s)
		if len(r.Disqualified) != 1 || !strings.Contains(r.Disqualified[0], want) {
			t.Errorf("got %q, want %q", r.Disqualified, want)
		}
		problems, err := small().Verify(f, s)
		if err != nil || !strings.Contains(problems.Error(), "no report of conformance: ") {
			t.Errorf("%s: verified with %v, %v", want, problems, err)
		}
	}
	for _, version := range []string{"v0.1.0", "v1.0.0-rc.1", "6163b7a"} {
		if !released(version) {
			t.Errorf("%s is refused", version)
		}
	}
}

// TestRunsThatDoNotAddUp are files that somebody has touched.
func TestRunsThatDoNotAddUp(t *testing.T) {
	for want, spoil := range map[string]func(*report.Document){
		"run.json:38: library.digest: is ":            func(d *report.Document) { d.Library.Digest = "sha256:0" },
		"summary: counts 5 pass":                      func(d *report.Document) { d.Scenarios = d.Scenarios[1:] },
		`scenarios[0].name: there is no scenario`:     func(d *report.Document) { d.Scenarios[0].Name = "other" },
		`scenarios[1].name: "deny-all" is scenarios[`: func(d *report.Document) { d.Scenarios[1].Name = "deny-all" },
		"scenarios[0].level: is optional":             func(d *report.Document) { d.Scenarios[0].Level = scenario.LevelOptional },
		"scenarios[0].result: recorded is no result":  func(d *report.Document) { d.Scenarios[0].Result = judge.Recorded },
		"scenarios[5].result: pass is no result":      func(d *report.Document) { d.Scenarios[5].Result = judge.Pass },
		"scenarios[0].result: pass, with 1 wrong":     func(d *report.Document) { d.Scenarios[0].Mismatches = []report.FlowEntry{{}} },
		"scenarios[0].result: pass, with 1 flows":     func(d *report.Document) { d.Scenarios[0].Inconclusive = []report.FlowEntry{{}} },
		"scenarios[0].steps[0].result: fail":          func(d *report.Document) { d.Scenarios[0].Steps[0].Result = judge.Fail },
		"scenarios[0].result: pass, without a probe":  func(d *report.Document) { d.Scenarios[0].Steps[0].Probes = 0 },
		"interrupted: is false": func(d *report.Document) {
			d.Scenarios[0].Result, d.Scenarios[0].Reason = judge.Skipped, "not run: interrupted"
		},
	} {
		_, err := small().New(about(), source(t, "run.json", input(), spoil))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestRunsThatDisagree cannot be one report.
func TestRunsThatDisagree(t *testing.T) {
	for field, edit := range map[string]func(*report.Input){
		"tool.version":           func(in *report.Input) { in.Tool = "v0.2.0" },
		"cluster.kubernetes":     func(in *report.Input) { in.Cluster.Kubernetes = "v1.35.0" },
		"cluster.provider":       func(in *report.Input) { in.Cluster.Provider = "existing" },
		"implementation.name":    func(in *report.Input) { in.Cluster.Implementation = "Other" },
		"implementation.version": func(in *report.Input) { in.Cluster.Version = "v1.2.4" },
		"implementation.faults":  func(in *report.Input) { in.Cluster.Faults = []string{"x"} },
		"library.digest":         func(in *report.Input) { in.Library = report.Library{Scenarios: 3} },
	} {
		_, err := small().New(about(), source(t, "a.json", input()), source(t, "b.json", input(edit)))
		if err == nil || !strings.Contains(err.Error(), field+": is ") || !strings.HasPrefix(err.Error(), "b.json:") {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

// TestInterrupted: a scenario that had no turn was neither skipped nor judged.
func TestInterrupted(t *testing.T) {
	r, _ := made(t, source(t, "run.json", input(became("allow-one", judge.Skipped, "not run: interrupted"), func(in *report.Input) { in.Run.Interrupted = true })))
	if p := r.Profiles[0]; p.Result != Partial || !slices.Equal(p.NotRunScenarios, []string{"allow-one"}) || len(p.SkippedScenarios) > 0 {
		t.Errorf("got %+v", p)
	}
}
