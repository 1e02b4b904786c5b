package conformance

import (
	"fmt"
	"strings"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/internal/strict"
)

// audit looks for what a run cannot have come to.
func (c Catalog) audit(s *Source) {
	d := s.Document
	if d.Library.BuiltIn && d.Library.Digest != c.Digest {
		s.wrong("library.digest", "is %q, and the library of this cniproof is %q: use cniproof %s, whose library it is", d.Library.Digest, c.Digest, d.Tool.Version)
		return
	}
	byName := map[string]*scenario.Scenario{}
	for _, sc := range c.Scenarios {
		byName[sc.Name] = sc
	}
	first := map[string]int{}
	var counts report.Counts
	for i := range d.Scenarios {
		e, at := &d.Scenarios[i], strict.Index("scenarios", i)
		if n, again := first[e.Name]; again {
			s.wrong(at+".name", "%q is scenarios[%d] already", e.Name, n)
		}
		first[e.Name] = i
		if d.Library.BuiltIn {
			s.known(e, at, byName[e.Name])
		}
		s.entry(e, at)
		counts.Add(e.Result)
	}
	if counts != d.Summary.Counts {
		s.wrong("summary", "counts %s, but the scenarios come to %s", counted(d.Summary.Counts), counted(counts))
	}
}

// known holds an entry against the library.
func (s *Source) known(e *report.ScenarioEntry, at string, sc *scenario.Scenario) {
	switch {
	case sc == nil:
		s.wrong(at+".name", "there is no scenario %q in the library", e.Name)
	case sc.Level != e.Level:
		s.wrong(at+".level", "is %s, but the library has %q at level %s", e.Level, e.Name, sc.Level)
	}
}

// entry holds a result against what was seen.
func (s *Source) entry(e *report.ScenarioEntry, at string) {
	if cut := strings.HasSuffix(e.Reason, ": interrupted"); cut && e.Result == judge.Skipped && !s.Document.Interrupted {
		s.wrong("interrupted", "is false, but %q was %s", e.Name, e.Reason)
	}
	if scored := e.Level.Scored(); scored && e.Result == judge.Recorded || !scored && (e.Result == judge.Pass || e.Result == judge.Fail) {
		s.wrong(at+".result", "%s is no result of level %s", e.Result, e.Level)
	}
	if e.Result != judge.Pass {
		return
	}
	if n := len(e.Mismatches) + len(e.Unsettled); n > 0 {
		s.wrong(at+".result", "pass, with %d wrong flows", n)
	}
	if n := len(e.Inconclusive); n > 0 {
		s.wrong(at+".result", "pass, with %d flows that could not be told", n)
	}
	probes := 0
	for i := range e.Steps {
		step := &e.Steps[i]
		probes += step.Probes
		if step.Result != judge.Pass || len(step.Flaps) > 0 {
			s.wrong(fmt.Sprintf("%s.steps[%d].result", at, i), "%s with %d flaps, in a scenario that passed", step.Result, len(step.Flaps))
		}
		if step.Steady != nil && len(step.Steady.Windows) > 0 {
			s.wrong(fmt.Sprintf("%s.steps[%d].steady.windows", at, i), "%d windows, in a scenario that passed", len(step.Steady.Windows))
		}
	}
	if probes == 0 {
		s.wrong(at+".result", "pass, without a probe")
	}
}

func counted(c report.Counts) string {
	return fmt.Sprintf("%d pass, %d fail, %d inconclusive, %d skipped, %d recorded", c.Pass, c.Fail, c.Inconclusive, c.Skipped, c.Recorded)
}

// agree wants all runs to be about the same thing.
func agree(sources []*Source) {
	first := sources[0]
	for _, s := range sources[1:] {
		for _, fact := range []struct {
			field string
			of    func(*report.Document) string
		}{
			{"tool.version", func(d *report.Document) string { return d.Tool.Version }},
			{"cluster.provider", func(d *report.Document) string { return d.Cluster.Provider }},
			{"cluster.kubernetes", func(d *report.Document) string { return d.Cluster.Kubernetes }},
			{"implementation.name", func(d *report.Document) string { return d.Implementation.Name }},
			{"implementation.version", func(d *report.Document) string { return d.Implementation.Version }},
			{"implementation.faults", func(d *report.Document) string { return strings.Join(d.Implementation.Faults, ", ") }},
			{"library.digest", func(d *report.Document) string { return d.Library.Digest }},
		} {
			if want, got := fact.of(first.Document), fact.of(s.Document); want != got {
				s.wrong(fact.field, "is %q, but %q in %s: runs that differ in it cannot be one report", got, want, first.File)
			}
		}
	}
}
