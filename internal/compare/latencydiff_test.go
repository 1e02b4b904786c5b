package compare_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/benchreport"
	"github.com/cniproof/cniproof/internal/compare"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/latency"
	"github.com/cniproof/cniproof/internal/report"
)

// measurements is a report with so many measurements of one change, the nth of which
// took so long.
func measurements(n int, took func(int) latency.Measurement) benchreport.Document {
	s := latency.Series{}
	for i := range n {
		m := took(i)
		m.Change, m.Repeat = latency.Change{Kind: latency.PolicyCreated, Way: latency.Enforced}, i+1
		s.Measurements = append(s.Measurements, m)
	}
	return *benchreport.NewDocument(&benchreport.Report{Run: &latency.Run{Series: []latency.Series{s}}, Cluster: report.Cluster{Implementation: "a"}})
}

func steady(d time.Duration) func(int) latency.Measurement {
	return func(i int) latency.Measurement {
		return latency.Measurement{Result: latency.Measured, Settled: d + time.Duration(i%7)*time.Millisecond, Resolution: 10 * time.Millisecond}
	}
}

func TestLatencyDiffTellsChangesFromNoise(t *testing.T) {
	never := func(i int) latency.Measurement {
		if i == 3 {
			return latency.Measurement{Result: latency.Never}
		}
		return steady(50 * time.Millisecond)(i)
	}
	untold := func(int) latency.Measurement { return latency.Measurement{Result: latency.Untold} }
	odd := func(i int) latency.Measurement {
		m := steady(50 * time.Millisecond)(i)
		if i%5 == 0 {
			m.Settled += time.Second
		}
		return m
	}
	ms50 := steady(50 * time.Millisecond)
	for _, c := range []struct {
		name          string
		before, after benchreport.Document
		list          func(compare.LatencyDiff) []compare.LatencyChange
		regressed     bool
	}{
		{"the same", measurements(20, ms50), measurements(20, ms50), same, false},
		{"slower", measurements(20, ms50), measurements(20, steady(120*time.Millisecond)), slower, true},
		{"faster", measurements(20, steady(120*time.Millisecond)), measurements(20, ms50), faster, false},
		{"a little slower is noise", measurements(20, ms50), measurements(20, steady(65*time.Millisecond)), same, false},
		{"less than the resolution is noise", measurements(20, steady(5*time.Millisecond)), measurements(20, steady(20*time.Millisecond)), same, false},
		{"a few that are slow are noise", measurements(20, ms50), measurements(20, odd), same, false},
		{"too few", measurements(19, ms50), measurements(20, steady(time.Second)), tooFew, false},
		{"not followed any more", measurements(20, ms50), measurements(20, never), unfollowed, true},
		{"not followed before either", measurements(20, never), measurements(20, never), tooFew, false},
		{"not measured any more", measurements(20, ms50), measurements(0, ms50), unmeasured, true},
		{"not told any more", measurements(20, ms50), measurements(20, untold), unmeasured, true},
	} {
		d := compare.NewLatencyDiff(c.before, c.after)
		if len(c.list(d)) != 1 {
			t.Errorf("%s: %+v", c.name, d)
		}
		if d.After.Complete && d.Regressed() != c.regressed {
			t.Errorf("%s: regressed is %t", c.name, d.Regressed())
		}
		for _, format := range compare.Formats() {
			var b strings.Builder
			if err := compare.WriteLatencyDiff(&b, d, format); err != nil || !strings.Contains(b.String(), "policy created") {
				t.Errorf("%s: %s: %v:\n%s", c.name, format, err, b.String())
			}
		}
	}
}

func same(d compare.LatencyDiff) []compare.LatencyChange       { return d.Same }
func slower(d compare.LatencyDiff) []compare.LatencyChange     { return d.Slower }
func faster(d compare.LatencyDiff) []compare.LatencyChange     { return d.Faster }
func tooFew(d compare.LatencyDiff) []compare.LatencyChange     { return d.TooFew }
func unfollowed(d compare.LatencyDiff) []compare.LatencyChange { return d.Unfollowed }
func unmeasured(d compare.LatencyDiff) []compare.LatencyChange { return d.Unmeasured }

func TestALatencyReportThatIsNotCompleteIsWorse(t *testing.T) {
	before, after := measurements(20, steady(1)), measurements(20, steady(1))
	after.ExitCode, after.Interrupted = report.ExitInterrupted, true
	if d := compare.NewLatencyDiff(before, after); !d.Regressed() {
		t.Error("it counts as no regression")
	}
}

func TestNothingComparedIsNotThatNothingChanged(t *testing.T) {
	few := measurements(3, steady(time.Millisecond))
	d := compare.NewLatencyDiff(few, few)
	var b strings.Builder
	if err := compare.WriteLatencyDiff(&b, d, "text"); err != nil {
		t.Fatal(err)
	}
	if d.Compared() || !strings.Contains(b.String(), "NOTHING COMPARED") {
		t.Error(b.String())
	}
}

// The rule that runs have is the one that latencies have: what is a change there is one
// here, where both resolve the same.
func TestOneRuleForRunsAndLatencies(t *testing.T) {
	for _, after := range []int{50, 60, 74, 90, 200} {
		bench := compare.NewLatencyDiff(measurements(20, steady(50*time.Millisecond)), measurements(20, steady(time.Duration(after)*time.Millisecond)))
		run := compare.NewDiff(settledIn(50), settledIn(float64(after)))
		if changed := len(bench.Slower) == 1; changed != (len(run.Latency) == 1) {
			t.Errorf("%d ms after 50 ms: changed is %t of latencies, %t of a run", after, changed, !changed)
		}
	}
}

func settledIn(ms float64) report.Document {
	d := run("a", "one=pass")
	for i := range 20 {
		l := &report.StepLatency{Settled: ms + float64(i%7)}
		d.Scenarios[0].Steps = append(d.Scenarios[0].Steps, report.StepEntry{Name: string(rune('a' + i)), Enforce: l, Result: judge.Pass})
	}
	return d
}
