package compare

import (
	"cmp"
	"slices"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Matrix is every scenario on every cluster.
type Matrix struct {
	Subjects []Subject `json:"subjects"` // the columns
	// Rows are scenarios: those in which the clusters differ first, then by topic and name.
	Rows []Row `json:"rows"`
}

// Row is one scenario.
type Row struct {
	Scenario string         `json:"scenario"`
	Topic    string         `json:"topic"`
	Level    scenario.Level `json:"level"`
	Features []string       `json:"features"`
	Differs  bool           `json:"differs"` // between two runs that judged it
	Cells    []Cell         `json:"cells"`   // one per column
}

// Cell is one scenario on one cluster. Result is "" where that run did not have it.
type Cell struct {
	Result judge.Result `json:"result"`
	Reason string       `json:"reason"`
	// KnownDeviation is the link that explains the failure, else "".
	KnownDeviation string `json:"knownDeviation"`
}

// NewMatrix sets runs beside one another, in their order.
func NewMatrix(runs []report.Document) Matrix {
	m := Matrix{Subjects: []Subject{}, Rows: []Row{}}
	rows := map[string]*Row{}
	for i, d := range runs {
		m.Subjects = append(m.Subjects, subject(d))
		for _, s := range d.Scenarios {
			row := rows[s.Name]
			if row == nil {
				row = &Row{Scenario: s.Name, Topic: s.Topic, Level: s.Level, Features: s.Features, Cells: make([]Cell, len(runs))}
				rows[s.Name] = row
			}
			row.Cells[i] = Cell{s.Result, s.Reason, s.KnownDeviation}
		}
	}
	for _, row := range rows {
		row.Differs = differs(row.Cells)
		m.Rows = append(m.Rows, *row)
	}
	slices.SortFunc(m.Rows, func(a, b Row) int {
		return cmp.Or(first(a.Differs, b.Differs), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Scenario, b.Scenario))
	})
	return m
}

// differs compares what was judged: that a run skipped or lacks a scenario says
// nothing about its cluster.
func differs(cells []Cell) bool {
	seen := map[judge.Result]bool{}
	for _, c := range cells {
		if c.Result != "" && c.Result != judge.Skipped {
			seen[c.Result] = true
		}
	}
	return len(seen) > 1
}

func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
