package report

import (
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// Deviation is a known way in which what was judged does not do what scenarios
// demand. A scenario that fails because of one has failed all the same; it is known
// why.
type Deviation struct {
	Scenarios []string
	// Explains says whether it is about a flow; nil stands for all flows.
	Explains func(flow.Flow) bool
	Summary  string
	Link     string
	// Confirmed says which run showed it first. One that no run has confirmed explains
	// nothing.
	Confirmed string
}

// deviation is the known deviation that explains everything that is wrong with a
// scenario, or nil.
func (in Input) deviation(sc *judge.Scenario) *Deviation {
	if sc.Result != judge.Fail {
		return nil
	}
	for i := range in.Deviations {
		d := &in.Deviations[i]
		if d.Confirmed != "" && slices.Contains(d.Scenarios, sc.Name) && d.explains(sc) {
			return d
		}
	}
	return nil
}

// explains reports whether there is a wrong flow, and the deviation is about every one.
func (d *Deviation) explains(sc *judge.Scenario) bool {
	wrong := evidence(sc)
	return len(wrong) > 0 && !slices.ContainsFunc(wrong, func(f flow.Flow) bool { return d.Explains != nil && !d.Explains(f) })
}

// evidence are the flows that were wrong, at the end of a step or before.
func evidence(sc *judge.Scenario) []flow.Flow {
	var flows []flow.Flow
	for i := range sc.Steps {
		step := &sc.Steps[i]
		for _, c := range append(cellsOf(sc, step, mismatch), unsettled(sc, step)...) {
			flows = append(flows, c.Flow)
		}
		for _, f := range step.Flaps {
			flows = append(flows, f.Flow)
		}
		for _, w := range step.Vigil.Wrong() {
			flows = append(flows, w.Flow)
		}
	}
	return flows
}

// occurrence is what the run says of one deviation.
type occurrence struct {
	*Deviation
	seen []string // scenarios that it explains
	gone []string // scenarios that it should explain, and that pass
}

// occurrences are the confirmed deviations, in the order given.
func (in Input) occurrences() []occurrence {
	var all []occurrence
	for i := range in.Deviations {
		if in.Deviations[i].Confirmed != "" {
			all = append(all, in.occurrence(&in.Deviations[i]))
		}
	}
	return all
}

func (in Input) occurrence(d *Deviation) occurrence {
	o := occurrence{Deviation: d}
	scenarios := in.run().Scenarios
	for i := range scenarios {
		switch sc := &scenarios[i]; {
		case in.deviation(sc) == d:
			o.seen = append(o.seen, sc.Name)
		case sc.Result == judge.Pass && slices.Contains(d.Scenarios, sc.Name):
			o.gone = append(o.gone, sc.Name)
		}
	}
	slices.Sort(o.seen)
	slices.Sort(o.gone)
	return o
}

// explained are the names of the failed scenarios that a known deviation explains.
func (in Input) explained() []string {
	var names []string
	for i := range in.run().Scenarios {
		if sc := &in.run().Scenarios[i]; in.deviation(sc) != nil {
			names = append(names, sc.Name)
		}
	}
	return names
}

// ExitCode is what a process that made the run should end with. Where known
// deviations are allowed, a scenario that fails because of one counts as a pass.
func (in Input) ExitCode() int {
	if !in.AllowDeviations || in.Run == nil {
		return ExitCode(in.Run)
	}
	forgiven := *in.Run
	forgiven.Scenarios = slices.Clone(in.Run.Scenarios)
	for i := range forgiven.Scenarios {
		if in.deviation(&in.Run.Scenarios[i]) != nil {
			forgiven.Scenarios[i].Result = judge.Pass
		}
	}
	return ExitCode(&forgiven)
}

// deviations say which known deviations occurred and which no longer do.
func (s style) deviations(in Input) []string {
	var lines []string
	for _, o := range in.occurrences() {
		if len(o.seen) > 0 {
			lines = append(lines, wrap("  ", "occurs in "+strings.Join(o.seen, ", ")+": "+o.Summary, s.width)...)
			lines = append(lines, "    "+s.dim(plain(o.Link)))
		}
		if len(o.gone) > 0 {
			lines = append(lines, wrap("  ", "NO LONGER OCCURS in "+strings.Join(o.gone, ", ")+", remove it from the catalog's entry: "+o.Summary, s.width)...)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return append([]string{s.dim("known deviations")}, lines...)
}

// DeviationEntry is a known deviation of the implementation, with what the run showed of it.
type DeviationEntry struct {
	// Summary is one sentence on what it does.
	Summary string `json:"summary"`
	// Link leads to where its own project says so.
	Link string `json:"link"`
	// Confirmed says which run showed it first.
	Confirmed string `json:"confirmed"`
	// Occurred are the failed scenarios that it explains.
	Occurred []string `json:"occurred"`
	// Gone are the scenarios that it should explain and that pass: it no longer occurs there.
	Gone []string `json:"gone"`
}

func deviationEntries(in Input) []DeviationEntry {
	entries := []DeviationEntry{}
	for _, o := range in.occurrences() {
		entries = append(entries, DeviationEntry{o.Summary, o.Link, o.Confirmed, list(o.seen), list(o.gone)})
	}
	return entries
}
