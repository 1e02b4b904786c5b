package scenario_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

// TestThePeersCasesNameScenariosThatExist reads the tables of docs/peer-cases.md:
// every word in backquotes of a row's last column is a scenario.
func TestThePeersCasesNameScenariosThatExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/peer-cases.md")
	if err != nil {
		t.Fatal(err)
	}
	list, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range list {
		known[s.Name] = true
	}
	rows, quoted := 0, regexp.MustCompile("`([^`]+)`")
	for i, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(strings.Trim(line, "| "), "|")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasSuffix(line, "Scenarios |") {
			continue
		}
		names := quoted.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(names) > 0 {
			rows++
		}
		for _, m := range names {
			if !known[m[1]] {
				t.Errorf("line %d: there is no scenario %q", i+1, m[1])
			}
		}
	}
	if rows < 70 {
		t.Errorf("only %d rows name scenarios", rows)
	}
}
