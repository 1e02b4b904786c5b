package conformance

import (
	"cmp"
	"slices"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// profile counts what the scenarios of one level came to. What is not among the
// outcomes had no turn.
func (c Catalog) profile(name string, outcomes map[string]outcome) Profile {
	p := Profile{
		Name: name, FailedScenarios: []string{}, FlakyScenarios: []string{}, InconclusiveScenarios: []string{},
		SkippedScenarios: []Skipped{}, NotRunScenarios: []string{},
	}
	seen := map[string]*tallied{}
	for _, sc := range c.level(name) {
		o := outcomes[sc.Name]
		p.count(sc.Name, o)
		for _, f := range sc.Features {
			if seen[f] == nil {
				seen[f] = &tallied{}
			}
			seen[f].count(o.result)
		}
	}
	p.SupportedFeatures, p.UnsupportedFeatures = features(seen)
	p.Result = p.result()
	return p
}

// level are the library's scenarios of a profile, by name. Dynamic ones are of none.
func (c Catalog) level(profile string) []*scenario.Scenario {
	var all []*scenario.Scenario
	for _, p := range profiles() {
		for _, sc := range c.Scenarios {
			if p.name == profile && sc.Level == p.level && !sc.Dynamic() {
				all = append(all, sc)
			}
		}
	}
	slices.SortFunc(all, func(a, b *scenario.Scenario) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func (p *Profile) count(name string, o outcome) {
	if o.flaky {
		p.FlakyScenarios = append(p.FlakyScenarios, name)
	}
	switch o.result {
	case judge.Pass:
		p.Statistics.Passed++
	case judge.Fail:
		p.Statistics.Failed++
		p.FailedScenarios = append(p.FailedScenarios, name)
	case judge.Skipped:
		p.Statistics.Skipped++
		p.SkippedScenarios = append(p.SkippedScenarios, Skipped{name, o.reason})
	case "":
		p.Statistics.NotRun++
		p.NotRunScenarios = append(p.NotRunScenarios, name)
	case judge.Inconclusive, judge.Recorded:
		p.Statistics.Inconclusive++
		p.InconclusiveScenarios = append(p.InconclusiveScenarios, name)
	}
}

// result follows from the counts. What is optional may be skipped, but not all of it.
func (p *Profile) result() Result {
	s := p.Statistics
	switch {
	case s.Failed > 0:
		return Failure
	case s.Inconclusive > 0 || s.NotRun > 0 || s.Passed == 0:
		return Partial
	case s.Skipped > 0 && p.Name == Core:
		return Partial
	}
	return Success
}

// tallied is what the scenarios with one feature came to.
type tallied struct{ passed, failed, skipped int }

func (t *tallied) count(r judge.Result) {
	switch r {
	case judge.Pass:
		t.passed++
	case judge.Fail:
		t.failed++
	case judge.Skipped:
		t.skipped++
	case judge.Inconclusive, judge.Recorded:
	}
}

func features(seen map[string]*tallied) (supported, unsupported []string) {
	for name, t := range seen {
		switch {
		case t.passed > 0 && t.failed == 0:
			supported = append(supported, name)
		case t.passed == 0 && t.failed+t.skipped > 0:
			unsupported = append(unsupported, name)
		}
	}
	return unique(supported), unique(unsupported)
}
