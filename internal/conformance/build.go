package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/strict"
)

// New makes the report of runs of one implementation: parts of the library, or
// repetitions. The error is strict.Problems, with everything in the runs that does
// not add up. A report that is none of conformance says so.
func (c Catalog) New(about Implementation, sources ...*Source) (*Report, error) {
	if len(sources) == 0 {
		return nil, errors.New("there is no run to report")
	}
	for _, s := range sources {
		s.problems = nil
		c.audit(s)
	}
	agree(sources)
	var problems strict.Problems
	for _, s := range sources {
		problems = append(problems, s.placed()...)
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return c.report(about, sources), nil
}

func (c Catalog) report(about Implementation, sources []*Source) *Report {
	first := sources[0].Document
	about.Contact = list(about.Contact)
	r := &Report{
		APIVersion: APIVersion, Kind: Kind, Implementation: about,
		Judged:            Judged{Name: first.Implementation.Name, Version: first.Implementation.Version},
		KubernetesVersion: first.Cluster.Kubernetes,
		Tool:              Tool(first.Tool),
		Cluster:           where(sources),
		Library:           Library{Digest: c.Digest, Scenarios: len(c.Scenarios)},
		Runs:              []Run{}, KnownDeviations: known(sources), Disqualified: disqualified(sources),
	}
	for _, s := range sources {
		begin := s.Document.Begin.UTC()
		r.Runs = append(r.Runs, Run{Digest: digest(s.text), Begin: begin.Format(time.RFC3339), Scenarios: len(s.Document.Scenarios)})
		r.Date = max(r.Date, begin.Format(time.DateOnly))
	}
	slices.SortFunc(r.Runs, func(a, b Run) int { return cmp.Or(cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.Digest, b.Digest)) })
	outcomes := merge(sources)
	for _, p := range profiles() {
		r.Profiles = append(r.Profiles, c.profile(p.name, outcomes))
	}
	return r
}

func where(sources []*Source) Cluster {
	w := Cluster{Provider: sources[0].Document.Cluster.Provider}
	for _, s := range sources {
		w.Families = append(w.Families, words(s.Document.Cluster.Families)...)
		w.Protocols = append(w.Protocols, words(s.Document.Cluster.Protocols)...)
	}
	w.Families, w.Protocols = unique(w.Families), unique(w.Protocols)
	return w
}

func words[T fmt.Stringer](values []T) []string {
	var all []string
	for _, v := range values {
		all = append(all, v.String())
	}
	return all
}

// known are the deviations that occurred, each once.
func known(sources []*Source) []Deviation {
	all := []Deviation{}
	for _, s := range sources {
		for _, d := range s.Document.Deviations {
			i := slices.IndexFunc(all, func(k Deviation) bool { return k.Summary == d.Summary && k.Link == d.Link })
			switch {
			case len(d.Occurred) == 0:
			case i < 0:
				all = append(all, Deviation{d.Summary, d.Link, unique(d.Occurred)})
			default:
				all[i].Scenarios = unique(append(all[i].Scenarios, d.Occurred...))
			}
		}
	}
	slices.SortFunc(all, func(a, b Deviation) int {
		return cmp.Or(cmp.Compare(a.Summary, b.Summary), cmp.Compare(a.Link, b.Link))
	})
	return all
}

// outcome is what all runs together say of one scenario.
type outcome struct {
	result judge.Result
	reason string // of a skip
	flaky  bool
}

// merge keeps the worst that was seen of each scenario; having been judged beats
// having been skipped, and being skipped beats having had no turn.
func merge(sources []*Source) map[string]outcome {
	all := map[string]outcome{}
	for _, s := range sources {
		for i := range s.Document.Scenarios {
			e := &s.Document.Scenarios[i]
			if noTurn(e) {
				continue
			}
			was, seen := all[e.Name]
			is := outcome{result: e.Result, reason: e.Reason}
			if seen {
				is = worse(was, is)
			}
			all[e.Name] = is
		}
	}
	return all
}

// noTurn reports whether the run ended before the scenario had its turn.
func noTurn(e *report.ScenarioEntry) bool {
	return e.Result == judge.Skipped && (strings.HasPrefix(e.Reason, "not run: ") || strings.HasPrefix(e.Reason, "not finished: "))
}

func worse(a, b outcome) outcome {
	flaky := a.flaky || b.flaky || a.result == judge.Pass && b.result == judge.Fail || a.result == judge.Fail && b.result == judge.Pass
	order := []judge.Result{judge.Skipped, judge.Recorded, judge.Pass, judge.Inconclusive, judge.Fail}
	if slices.Index(order, b.result) > slices.Index(order, a.result) {
		a = b
	}
	a.flaky = flaky
	return a
}

// disqualified says why runs show no conformance, whatever they came to.
func disqualified(sources []*Source) []string {
	var why []string
	for _, s := range sources {
		d := s.Document
		if d.Implementation.Reference || d.Cluster.Provider == "embedded" {
			why = append(why, "it is cniproof's own reference engine, not an implementation")
		}
		if len(d.Implementation.Faults) > 0 {
			why = append(why, "faults were planted: "+strings.Join(d.Implementation.Faults, ", "))
		}
		if d.Interrupted {
			why = append(why, "a run was interrupted")
		}
		if d.Error != "" {
			why = append(why, "a run ended early: "+d.Error)
		}
		if d.Preflight.Result != judge.Pass {
			why = append(why, fmt.Sprintf("the preflight of a run did not pass: %s", cmp.Or(d.Preflight.Message, "it did not end")))
		}
		if !d.Library.BuiltIn {
			why = append(why, "a run judged scenarios that are not cniproof's")
		}
		if !released(d.Tool.Version) {
			why = append(why, fmt.Sprintf("version %q of cniproof names no sources that others have", d.Tool.Version))
		}
	}
	return unique(why)
}

// released reports whether a version of cniproof names sources: a release, or a commit
// without changes.
func released(version string) bool {
	return regexp.MustCompile(`^(v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?|[0-9a-f]{7,40})$`).MatchString(version) &&
		!strings.Contains(version, "dirty")
}

// unique is the same list, sorted, without repetitions and never nil.
func unique[T cmp.Ordered](l []T) []T {
	l = slices.Clone(l)
	slices.Sort(l)
	return list(slices.Compact(l))
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
