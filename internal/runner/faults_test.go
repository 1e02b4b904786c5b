package runner_test

import (
	"bufio"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/cluster/embedded/engine"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
)

// row is one line of the table in docs/faults.md.
var row = regexp.MustCompile("^\\| `([a-z0-9-]+)` \\| .* \\| *[0-9]+ \\| (.*) \\|$")

// documented reads which scenarios catch which fault.
func documented(t *testing.T) map[engine.Fault][]string {
	t.Helper()
	f, err := os.Open("../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	table := map[engine.Fault][]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if m := row.FindStringSubmatch(lines.Text()); m != nil {
			table[engine.Fault(m[1])] = strings.Split(m[2], ", ")
		}
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

// TestEveryFaultIsCaught plants every fault and demands that one of the scenarios
// which docs/faults.md names for it fails.
func TestEveryFaultIsCaught(t *testing.T) {
	table := documented(t)
	for _, f := range engine.AllFaults() {
		t.Run(string(f.Name), func(t *testing.T) {
			list := slices.DeleteFunc(library(t), func(s *scenarioT) bool { return !slices.Contains(table[f.Name], s.Name) })
			if len(list) == 0 {
				t.Fatal("docs/faults.md names no scenario that exists: run `make faults`")
			}
			// What stands still only now and then is looked at for longer.
			result := runOn(t, open(t, string(f.Name)), runner.Config{
				Scenarios: list, Parallel: len(list), Within: 2 * time.Second, Hold: 500 * time.Millisecond, FailFast: true,
			})
			if result.Count(judge.Fail) == 0 {
				t.Errorf("not caught by %v:\n%s", table[f.Name], text(t, result))
			}
		})
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
