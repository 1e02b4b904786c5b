package promise

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

const document = "../../docs/semantics.md"

func library(t *testing.T) map[string]*scenario.Scenario {
	t.Helper()
	list, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*scenario.Scenario{}
	for _, s := range list {
		byName[s.Name] = s
	}
	return byName
}

func TestRowsNameScenariosThatExist(t *testing.T) {
	all := library(t)
	for _, r := range Rows() {
		for _, name := range r.Scenarios {
			if all[name] == nil {
				t.Errorf("%s: there is no scenario %q", r.Behaviour, name)
			}
		}
		for _, name := range append(slices.Clone(r.ByName), r.Mirrored...) {
			if !slices.Contains(r.Scenarios, name) {
				t.Errorf("%s: %q is none of its scenarios", r.Behaviour, name)
			}
		}
		if r.Level == Must && len(r.Scenarios) == 0 {
			t.Errorf("%s: no scenario shows it", r.Behaviour)
		}
	}
}

// TestScenariosAreScoredAsTheirRows: what a row promises, no scenario may only record.
func TestScenariosAreScoredAsTheirRows(t *testing.T) {
	all := library(t)
	for _, r := range Rows() {
		scored := r.Level == Must || r.Level == "optional" || strings.HasPrefix(r.Level, "where")
		for _, name := range r.Scenarios {
			s := all[name]
			switch {
			case s == nil:
			case r.Level == Must && s.Level != scenario.LevelMust, s.Level.Scored() != scored:
				t.Errorf("%s: is %s, and %q is %s", r.Behaviour, r.Level, name, s.Level)
			case s.Dynamic() && r.Apart == "":
				t.Errorf("%s: %q is no scenario of the default run", r.Behaviour, name)
			}
		}
	}
}

// TestEveryAxisIsMeant: a row that every implementation is held to goes by name and
// mirrored, or says why it does not.
func TestEveryAxisIsMeant(t *testing.T) {
	all := library(t)
	for _, r := range Rows() {
		if r.Level != Must || r.Apart != "" {
			continue
		}
		if (len(r.ByName) == 0) != (r.Why(Value{"via", "dns"}) != "") {
			t.Errorf("%s: goes by name in %v, and need not because %q", r.Behaviour, r.ByName, r.Why(Value{"via", "dns"}))
		}
		if (len(r.Mirrored) == 0) != (r.Why(Value{"direction", "mirrored"}) != "") {
			t.Errorf("%s: is mirrored by %v, and need not because %q", r.Behaviour, r.Mirrored, r.Why(Value{"direction", "mirrored"}))
		}
		for _, name := range r.Mirrored {
			if _, why := all[name].Mirror(); why != "" {
				t.Errorf("%s: %q has no mirror: %s", r.Behaviour, name, why)
			}
		}
		for _, gap := range r.Without {
			if !slices.Contains(Values(), Value{gap.Axis, gap.Value}) {
				t.Errorf("%s: there is no %s=%s", r.Behaviour, gap.Axis, gap.Value)
			}
		}
	}
}

// TestRowsWithoutAMirrorHaveBothDirections: where no scenario of a row can be mirrored,
// its author has written both.
func TestRowsWithoutAMirrorHaveBothDirections(t *testing.T) {
	all := library(t)
	for _, r := range Rows() {
		if r.Why(Value{"direction", "mirrored"}) != writtenOut {
			continue
		}
		for _, direction := range []string{"ingress", "egress"} {
			if !slices.ContainsFunc(r.Scenarios, func(name string) bool { return slices.Contains(all[name].Features, direction) }) {
				t.Errorf("%s: no scenario is about %s", r.Behaviour, direction)
			}
		}
		for _, name := range r.Scenarios {
			if _, why := all[name].Mirror(); why == "" {
				t.Errorf("%s: %q could be mirrored", r.Behaviour, name)
			}
		}
	}
}

var update = flag.Bool("update", false, "rewrite the scenarios of docs/semantics.md")

// TestTheDocumentSaysTheSame holds docs/semantics.md to the rows: the same behaviours and
// levels in the same order, each with its scenarios.
func TestTheDocumentSaysTheSame(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	rows := Rows()
	lines, n := strings.Split(string(text), "\n"), 0
	for i, line := range lines {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 4 || strings.HasPrefix(line, "| Behaviour") {
			continue
		}
		if n == len(rows) {
			t.Fatalf("line %d is one row too many: %s", i+1, line)
		}
		if behaviour := strings.TrimPrefix(cells[0], "| "); behaviour != rows[n].Behaviour || cells[1] != rows[n].Level {
			t.Errorf("line %d is %q, %s; the row is %q, %s", i+1, behaviour, cells[1], rows[n].Behaviour, rows[n].Level)
		}
		lines[i] = strings.Join(append(cells[:3], named(rows[n].Scenarios)), " | ")
		n++
	}
	if n != len(rows) {
		t.Fatalf("the document has %d rows, there are %d", n, len(rows))
	}
	want := strings.Join(lines, "\n")
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Error("docs/semantics.md names other scenarios than the rows: run `go test ./internal/promise -update`")
	}
}

// named is the last cell of a row.
func named(list []string) string {
	if len(list) == 0 {
		return "|"
	}
	return strings.Join(list, ", ") + " |"
}
