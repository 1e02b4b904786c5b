package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/compare"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/scenario"
)

// errNothingFailed ends a run that has nothing to do.
var errNothingFailed = errors.New("nothing failed")

// rerun keeps the scenarios that failed or could not be told in the report of an
// earlier run. A name that there is no scenario for is bad input.
func (s *selection) rerun(list []*scenario.Scenario) ([]*scenario.Scenario, error) {
	if s.rerunFailed == "" {
		return list, nil
	}
	reports, err := compare.Read(s.rerunFailed)
	if err != nil {
		return nil, fmt.Errorf("--rerun-failed: %w", err)
	}
	names, err := unsettled(reports[0])
	if err != nil {
		return nil, fmt.Errorf("--rerun-failed: %s: %w", s.rerunFailed, err)
	}
	var kept []*scenario.Scenario
	for _, sc := range list {
		if slices.Contains(names, sc.Name) {
			kept = append(kept, sc)
		}
		mirror, why := sc.Mirror()
		if why == "" && slices.Contains(names, mirror.Name) && !holds(list, mirror.Name) {
			kept = append(kept, mirror)
		}
	}
	known := map[string]bool{}
	for _, sc := range kept {
		known[sc.Name] = true
	}
	if gone := slices.DeleteFunc(names, func(name string) bool { return known[name] }); len(gone) > 0 {
		return nil, fmt.Errorf("--rerun-failed: %s has scenarios that are not there: %s (are they of a file that -f has to name?)",
			s.rerunFailed, strings.Join(gone, ", "))
	}
	return kept, nil
}

func holds(list []*scenario.Scenario, name string) bool {
	return slices.ContainsFunc(list, func(s *scenario.Scenario) bool { return s.Name == name })
}

// unsettled names the scenarios of a report that failed or could not be told. A run
// that did not pass and has none of them never came to its scenarios: to call that
// nothing would turn a red run green.
func unsettled(d report.Document) ([]string, error) {
	var names []string
	for _, s := range d.Scenarios {
		if s.Result == judge.Fail || s.Result == judge.Inconclusive {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	switch {
	case len(names) > 0:
		return names, nil
	case d.ExitCode != report.ExitPass:
		return nil, fmt.Errorf("no scenario failed in that run, but it ended with %d, not %d: run all of it again", d.ExitCode, report.ExitPass)
	}
	return nil, errNothingFailed
}
