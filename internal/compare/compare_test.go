package compare_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/compare"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
)

// run is a report with these results: "name=result" in the topic t.
func run(cni string, results ...string) report.Document {
	d := report.Document{APIVersion: report.APIVersion, Kind: report.Kind}
	d.Implementation.Name, d.Cluster.Kubernetes = cni, "v1.36"
	for _, r := range results {
		name, result, _ := strings.Cut(r, "=")
		d.Scenarios = append(d.Scenarios, report.ScenarioEntry{Name: name, Topic: "t", Level: "must", Result: judge.Result(result), Reason: "because of " + name})
	}
	return d
}

func TestMatrixShowsDifferencesFirst(t *testing.T) {
	m := compare.NewMatrix([]report.Document{
		run("a", "one=pass", "two=fail", "three=skipped", "four=pass"),
		run("b", "one=pass", "two=pass", "three=pass"),
	})
	var rows []string
	for _, r := range m.Rows {
		rows = append(rows, fmt.Sprint(r.Scenario, " ", r.Differs, " ", r.Cells[0].Result, "/", r.Cells[1].Result))
	}
	want := []string{"two true fail/pass", "four false pass/", "one false pass/pass", "three false skipped/pass"}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestDiffSortsWhatChanged(t *testing.T) {
	d := compare.NewDiff(
		run("a", "stays=pass", "breaks=pass", "doubt=pass", "mended=fail", "cleared=inconclusive", "gone=pass", "left-out=fail", "appears=skipped", "worse=inconclusive"),
		run("a", "stays=pass", "breaks=fail", "doubt=inconclusive", "mended=pass", "cleared=pass", "left-out=skipped", "appears=fail", "new=pass", "new-red=fail", "worse=fail"),
	)
	got := map[string]string{}
	for kind, list := range map[string][]compare.Change{
		"regression": d.Regressions, "broken": d.Broken, "fix": d.Fixes, "unjudged": d.Unjudged, "other": d.Other,
	} {
		for _, c := range list {
			got[c.Scenario] = kind
		}
	}
	want := map[string]string{
		"breaks": "regression", "doubt": "regression", "mended": "fix", "cleared": "fix", "gone": "unjudged",
		"left-out": "unjudged", "appears": "broken", "new": "fix", "new-red": "broken", "worse": "other",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

func TestRegressed(t *testing.T) {
	cut := run("a", "one=pass")
	cut.Interrupted = true
	for name, c := range map[string]struct {
		before, after report.Document
		want          bool
	}{
		"the same":               {run("a", "one=pass", "two=fail"), run("a", "one=pass", "two=fail"), false},
		"a fix":                  {run("a", "one=fail"), run("a", "one=pass"), false},
		"a failure":              {run("a", "one=pass"), run("a", "one=fail"), true},
		"could not be told":      {run("a", "one=pass"), run("a", "one=inconclusive"), true},
		"not run any more":       {run("a", "one=pass"), run("a"), true},
		"skipped in both":        {run("a", "one=skipped"), run("a", "one=skipped"), false},
		"new, and wrong":         {run("a"), run("a", "one=fail"), true},
		"the later one was cut":  {run("a", "one=pass"), cut, true},
		"the earlier one was":    {cut, run("a", "one=pass"), false},
		"recorded, now not seen": {run("a", "one=recorded"), run("a", "one=skipped"), true},
	} {
		if got := compare.NewDiff(c.before, c.after).Regressed(); got != c.want {
			t.Errorf("%s: regressed %v, want %v", name, got, c.want)
		}
	}
}

func TestRecordedBehaviour(t *testing.T) {
	with := func(v flow.Verdict) report.Document {
		d := run("a", "one=recorded")
		e := report.FlowEntry{Step: "s", Flow: "x -> y", Observed: v}
		d.Scenarios[0].Recorded = []report.FlowEntry{e}
		return d
	}
	want := []compare.Behaviour{{Scenario: "one", Step: "s", Flow: "x -> y", Before: "allow", After: "deny"}}
	if diff := cmp.Diff(want, compare.NewDiff(with(flow.Allow), with(flow.Deny)).Recorded); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if same := compare.NewDiff(with(flow.Deny), with(flow.Deny)).Recorded; len(same) > 0 {
		t.Errorf("the same behaviour is a change: %v", same)
	}
}

// latent is a run whose n steps took what ms says.
func latent(n int, ms func(int) float64) report.Document {
	var d report.Document
	for i := range n {
		d.Scenarios = append(d.Scenarios, report.ScenarioEntry{Name: fmt.Sprint(i), Steps: []report.StepEntry{
			{Name: "s", Enforce: &report.StepLatency{Settled: ms(i)}},
		}})
	}
	return d
}

func TestLatencyBeyondNoise(t *testing.T) {
	base := func(i int) float64 { return 40 + float64(i%7) }
	for name, c := range map[string]struct {
		n     int
		after func(int) float64
		want  bool
	}{
		"the same":              {100, base, false},
		"all twice as slow":     {100, func(i int) float64 { return 2 * base(i) }, true},
		"all twice as quick":    {100, func(i int) float64 { return base(i) / 2 }, true},
		"too few to tell":       {19, func(i int) float64 { return 9 * base(i) }, false},
		"one that hangs":        {100, func(i int) float64 { return base(i) + 9000*float64(max(0, i-98)) }, false},
		"a little, all of them": {100, func(i int) float64 { return base(i) + 5 }, false},
		"as often up as down":   {100, func(i int) float64 { return base(i) + 30*float64(2*(i%2)-1) }, false},
	} {
		got := compare.NewDiff(latent(c.n, base), latent(c.n, c.after)).Latency
		if (len(got) == 1) != c.want {
			t.Errorf("%s: %+v, want a change: %v", name, got, c.want)
		}
	}
}

func TestReadNamesEveryFileThatIsNoReport(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"list.json": "[]", "text.json": "RESULT PASS", "other.json": `{"kind": "Mirror"}`, "old.json": `{"kind": "Report", "apiVersion": "cniproof.dev/report/v0"}`}
	paths := []string{filepath.Join(dir, "missing.json")}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	_, err := compare.Read(paths...)
	if err == nil {
		t.Fatal("it read all of them")
	}
	for _, path := range paths {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%s is not named in: %v", path, err)
		}
	}
}

func TestFormats(t *testing.T) {
	before, after := run("a|b", "one=pass", "two=fail"), run("c", "one=fail", "two=fail")
	after.Scenarios[1].KnownDeviation = "https://example.com"
	for _, format := range compare.Formats() {
		var m, d strings.Builder
		if err := compare.WriteMatrix(&m, compare.NewMatrix([]report.Document{before, after}), format); err != nil {
			t.Fatal(err)
		}
		if err := compare.WriteDiff(&d, compare.NewDiff(before, after), format); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{m.String(), d.String()} {
			if !strings.Contains(text, "one") || !strings.Contains(strings.ToLower(text), "fail") {
				t.Errorf("%s says nothing of the failure:\n%s", format, text)
			}
		}
		if format == "markdown" && !strings.Contains(m.String(), `a\|b`) {
			t.Errorf("a bar in a cell is not escaped:\n%s", m.String())
		}
		if format != "json" && !strings.Contains(m.String(), "known deviation") {
			t.Errorf("%s does not show the known deviation:\n%s", format, m.String())
		}
	}
	if err := compare.WriteMatrix(&strings.Builder{}, compare.Matrix{}, "yaml"); err == nil {
		t.Error("an unknown format was written")
	}
}
