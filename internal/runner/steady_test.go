package runner_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/vigil"
)

// guarded runs the scenario that restarts the agent and returns its result.
func guarded(t *testing.T, faults ...string) judge.Scenario {
	t.Helper()
	result := runOn(t, open(t, faults...), runner.Config{Scenarios: named(t, "restart-under-load"), Parallel: 1})
	if len(result.Scenarios) != 1 {
		t.Fatalf("%d results", len(result.Scenarios))
	}
	return result.Scenarios[0]
}

// TestSteadySteps watches what a restart does to the flows that it must not touch: while
// the agent is away, which is about 300 ms, rules stay in the kernel.
func TestSteadySteps(t *testing.T) {
	for fault, want := range map[string]vigil.Kind{"": "", "restart-fails-open": vigil.Leak, "restart-fails-closed": vigil.Disruption} {
		t.Run("fault "+fault, func(t *testing.T) {
			faults := slices.DeleteFunc([]string{fault}, func(f string) bool { return f == "" })
			s := guarded(t, faults...)
			i := slices.IndexFunc(s.Steps, func(step judge.Step) bool { return step.Name == "agent restarted" })
			if i < 0 || s.Steps[i].Vigil == nil {
				t.Fatalf("there is no steady step: %s (%s)", s.Result, s.Reason)
			}
			step := s.Steps[i]
			v := step.Vigil
			t.Logf("%d samples in %s, each flow every %s, at the longest %s", v.Samples, v.Lasted, v.Gap, v.LongestGap)
			if v.Lasted < 300*time.Millisecond || v.Allowed == 0 || v.Denied == 0 || v.Samples < 5*(v.Allowed+v.Denied) {
				t.Errorf("watched %+v", v)
			}
			if want == "" {
				if s.Result != judge.Pass || len(v.Windows) > 0 {
					t.Errorf("%s (%s), windows %+v", s.Result, s.Reason, v.Windows)
				}
				return
			}
			if s.Result != judge.Fail || !strings.Contains(s.Reason, string(want)) {
				t.Fatalf("%s (%s)", s.Result, s.Reason)
			}
			for _, w := range v.Wrong() {
				if w.Kind != want || w.Begin > 250*time.Millisecond || w.End-w.Begin < 100*time.Millisecond {
					t.Errorf("%s of %s from %s to %s", w.Kind, w.Flow, w.Begin, w.End)
				}
			}
		})
	}
}

// TestTheCanaryFindsAPluginThatStoppedListening: every verdict of the scenario itself is
// right, but after it no policy takes effect any more.
func TestTheCanaryFindsAPluginThatStoppedListening(t *testing.T) {
	for _, s := range named(t, "odd-blocks", "ipv6-block") {
		s.Steps = s.Steps[:1] // what comes after the odd object would show it, too
		result := runOn(t, open(t, "poisoned-by-ipv6-block"), runner.Config{Scenarios: []*scenarioT{s}, Parallel: 1, Within: time.Second})
		got := result.Scenarios[0]
		if got.Result != judge.Fail || !strings.Contains(got.Reason, "stopped acting on changes") {
			t.Errorf("%s: %s (%s)", s.Name, got.Result, got.Reason)
		}
	}
}
