package runner_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/cniproof/cniproof/internal/cluster/embedded/engine"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/scenario"
)

// documented reads which scenarios catch which fault: the lists of docs/faults.md,
// each under the fault's own heading.
func documented(t *testing.T) map[engine.Fault][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	table := map[engine.Fault][]string{}
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		name, list, _ := strings.Cut(section, "\n")
		table[engine.Fault(name)] = strings.FieldsFunc(list, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	}
	return table
}

func TestTheTableOfFaultsIsComplete(t *testing.T) {
	table := documented(t)
	for _, f := range engine.AllFaults() {
		if len(table[f.Name]) == 0 {
			t.Errorf("docs/faults.md has no scenario for %s: run `make faults`", f.Name)
		}
		delete(table, f.Name)
	}
	for name := range table {
		t.Errorf("docs/faults.md has %s, which the engine does not know: run `make faults`", name)
	}
}

// some is how many of a fault's scenarios are tried at the most: the first should
// do, but a fault that shows only now and then needs more chances.
const some = 12

// odd is 1 for a scenario after which a poisoned engine fails others as well: it is
// the cause, and the others alone would not notice.
func odd(s *scenarioT) int {
	needs := scenario.Needs(s)
	if slices.Contains(needs, "restart") || slices.Contains(needs, "ipv6") || s.Topic == "poison" {
		return 1
	}
	return 0
}

// TestEveryFaultIsCaught plants every fault and demands that one of the scenarios
// which docs/faults.md names for it fails.
func TestEveryFaultIsCaught(t *testing.T) {
	table := documented(t)
	for _, f := range engine.AllFaults() {
		t.Run(string(f.Name), func(t *testing.T) {
			t.Parallel() // most of the time goes into waiting
			list := slices.DeleteFunc(library(t), func(s *scenarioT) bool { return !slices.Contains(table[f.Name], s.Name) })
			if len(list) == 0 {
				t.Fatal("docs/faults.md names no scenario that exists: run `make faults`")
			}
			slices.SortStableFunc(list, func(a, b *scenarioT) int { return odd(b) - odd(a) })
			list = list[:min(some, len(list))]
			result := runOn(t, open(t, string(f.Name)), runner.Config{
				Scenarios: list, Parallel: 3, Within: 2 * time.Second, FailFast: true,
			})
			if result.Count(judge.Fail) == 0 {
				t.Errorf("not caught by %v:\n%s", table[f.Name], text(t, result))
			}
		})
	}
}

// TestRulesThatVanishAreNotMissedByLuck demands of one scenario what others see now and
// then: it holds its table for so long, and looks so often, that it cannot miss them.
func TestRulesThatVanishAreNotMissedByLuck(t *testing.T) {
	c := open(t, string(engine.Flapping))
	for n := range 3 {
		if result := runOn(t, c, runner.Config{Scenarios: named(t, "stays-in-force"), Parallel: 1}); result.Count(judge.Fail) != 1 {
			t.Errorf("run %d did not see it:\n%s", n+1, text(t, result))
		}
	}
}

// TestWhatComesLateIsNotMissed has two steps with one and the same table, of which the
// second turns wrong a while after it has been looked at first.
func TestWhatComesLateIsNotMissed(t *testing.T) {
	result := runOn(t, open(t, string(engine.LateUpdateLosesARule)), runner.Config{Scenarios: named(t, "exact-number"), Parallel: 1})
	got := result.Scenarios[0]
	steps := slices.DeleteFunc(got.Steps, func(s judge.Step) bool { return s.Control })
	if got.Result != judge.Fail || len(steps) != 2 || steps[0].Result != judge.Pass {
		t.Fatalf("it is not the second step that fails:\n%s", text(t, result))
	}
	if !slices.Equal(steps[0].Expected, steps[1].Expected) {
		t.Error("the tables of the two steps differ: choose another scenario")
	}
}

// TestNothingEnforced is what a cluster without a policy engine looks like.
func TestNothingEnforced(t *testing.T) {
	list := slices.DeleteFunc(library(t), func(s *scenarioT) bool { return !strings.HasPrefix(s.Name, "canonical-") })
	result := runOn(t, open(t, string(engine.EnforceNothing)), runner.Config{Scenarios: list, Parallel: len(list)})
	if result.Preflight.Result != judge.Fail || result.Preflight.Enforced {
		t.Errorf("the preflight says %+v", result.Preflight)
	}
	if got := result.Count(judge.Fail); got != len(list) {
		t.Errorf("%d of %d scenarios failed:\n%s", got, len(list), text(t, result))
	}
}
