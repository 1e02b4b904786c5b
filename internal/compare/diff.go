package compare

import (
	"cmp"
	"slices"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
)

// Diff is what changed between two runs, each list by the scenario's name.
type Diff struct {
	Before Subject `json:"before"`
	After  Subject `json:"after"`
	// Regressions passed before, and fail or cannot be told now.
	Regressions []Change `json:"regressions"`
	// Broken were not judged before, and fail or cannot be told now.
	Broken []Change `json:"broken"`
	// Fixes pass now and did not before.
	Fixes []Change `json:"fixes"`
	// Unjudged were judged before, and are skipped or missing now.
	Unjudged []Change `json:"unjudged"`
	// Other changes are neither better nor worse.
	Other []Change `json:"other"`
	// Recorded behaviours, settled by no specification, that changed.
	Recorded []Behaviour `json:"recorded"`
	Latency  []Latency   `json:"latency"` // that changed beyond noise
}

// Change is one scenario whose result changed. A result is "" where the run did not have it.
type Change struct {
	Scenario string       `json:"scenario"`
	Before   judge.Result `json:"before"`
	After    judge.Result `json:"after"`
	Reason   string       `json:"reason"` // of the later result
}

// Behaviour is one recorded flow.
type Behaviour struct {
	Scenario string `json:"scenario"`
	Step     string `json:"step"`
	Flow     string `json:"flow"`
	Before   string `json:"before"`
	After    string `json:"after"`
}

// Regressed reports whether something is worse than before, or no longer known.
func (d Diff) Regressed() bool {
	return len(d.Regressions)+len(d.Broken)+len(d.Unjudged) > 0 || !d.After.Complete
}

// NewDiff compares a run with an earlier one.
func NewDiff(before, after report.Document) Diff {
	d := Diff{
		Before: subject(before), After: subject(after),
		Regressions: []Change{}, Broken: []Change{}, Fixes: []Change{}, Unjudged: []Change{}, Other: []Change{},
		Recorded: behaviours(before, after), Latency: latencies(before, after),
	}
	for _, row := range NewMatrix([]report.Document{before, after}).Rows {
		was, is := row.Cells[0], row.Cells[1]
		if was.Result != is.Result {
			d.sort(Change{row.Scenario, was.Result, is.Result, is.Reason})
		}
	}
	for _, list := range [][]Change{d.Regressions, d.Broken, d.Fixes, d.Unjudged, d.Other} {
		slices.SortFunc(list, func(a, b Change) int { return cmp.Compare(a.Scenario, b.Scenario) })
	}
	return d
}

func (d *Diff) sort(c Change) {
	into := &d.Other
	switch {
	case bad(c.After) && c.Before == judge.Pass:
		into = &d.Regressions
	case bad(c.After) && !judged(c.Before):
		into = &d.Broken
	case c.After == judge.Pass:
		into = &d.Fixes
	case judged(c.Before) && !judged(c.After):
		into = &d.Unjudged
	}
	*into = append(*into, c)
}

func bad(r judge.Result) bool { return r == judge.Fail || r == judge.Inconclusive }

func judged(r judge.Result) bool { return r != "" && r != judge.Skipped }

// behaviours are the recorded flows that both runs saw, and saw differently.
func behaviours(before, after report.Document) []Behaviour {
	type key struct{ scenario, step, flow string }
	seen := map[key]string{}
	for _, s := range before.Scenarios {
		for _, f := range s.Recorded {
			seen[key{s.Name, f.Step, f.Flow}] = f.Observed.String()
		}
	}
	list := []Behaviour{}
	for _, s := range after.Scenarios {
		for _, f := range s.Recorded {
			was, ok := seen[key{s.Name, f.Step, f.Flow}]
			if is := f.Observed.String(); ok && was != is {
				list = append(list, Behaviour{s.Name, f.Step, f.Flow, was, is})
			}
		}
	}
	slices.SortFunc(list, func(a, b Behaviour) int {
		return cmp.Or(cmp.Compare(a.Scenario, b.Scenario), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Flow, b.Flow))
	})
	return list
}
