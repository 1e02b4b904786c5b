package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/internal/strict"
)

// Verify computes the report again and returns everything that does not add up: from
// the runs where there are any, else from what the report itself says.
func (c Catalog) Verify(f *File, sources ...*Source) (strict.Problems, error) {
	v := verifier{catalog: c, file: f, report: f.Report}
	v.about()
	v.identity()
	if len(sources) == 0 {
		v.lists()
		return v.problems.Sorted(), nil
	}
	want, err := c.New(f.Report.Implementation, sources...)
	if err != nil {
		return v.problems, err
	}
	v.differences("", generic(want), generic(f.Report), "the runs come to")
	return v.problems.Sorted(), nil
}

type verifier struct {
	catalog  Catalog
	file     *File
	report   *Report
	problems strict.Problems
}

func (v *verifier) wrong(field, format string, args ...any) {
	v.problems = append(v.problems, strict.Problem{
		File: v.file.Name, Line: v.file.lines.Line(field), Field: field, Message: fmt.Sprintf(format, args...),
	})
}

// about checks who publishes the report.
func (v *verifier) about() {
	i := v.report.Implementation
	v.problems = append(v.problems, v.file.place(i.check("implementation"))...)
	if judged := v.report.Judged.Version; judged != "" && !sameVersion(judged, i.Version) {
		v.wrong("implementation.version", "is %q, but the runs judged %s %s", i.Version, v.report.Judged.Name, judged)
	}
	if _, err := time.Parse(time.DateOnly, v.report.Date); err != nil {
		v.wrong("date", "must be a day as 2006-01-02, not %q", v.report.Date)
	}
}

func (f *File) place(ps strict.Problems) strict.Problems {
	for i := range ps {
		ps[i].File, ps[i].Line = f.Name, f.lines.Line(ps[i].Field)
	}
	return ps
}

func sameVersion(a, b string) bool { return strings.TrimPrefix(a, "v") == strings.TrimPrefix(b, "v") }

// Check returns every mistake in what the publisher says of itself. Its fields are
// named as flags are.
func (i Implementation) Check() strict.Problems { return i.check("") }

func (i Implementation) check(path string) strict.Problems {
	var ps strict.Problems
	wrong := func(field, format string, args ...any) {
		ps = append(ps, strict.Problem{Field: strict.Child(path, field), Message: fmt.Sprintf(format, args...)})
	}
	for field, value := range map[string]string{"organization": i.Organization, "project": i.Project, "version": i.Version} {
		if strings.TrimSpace(value) == "" {
			wrong(field, "must not be empty")
		}
	}
	if u, err := url.Parse(i.URL); err != nil || u.Scheme != "https" || u.Host == "" {
		wrong("url", "must be the address of a page, beginning with https://, not %q", i.URL)
	}
	if len(i.Contact) == 0 {
		wrong("contact", "must name somebody: an address of mail or of a page, or an @name")
	}
	for n, c := range i.Contact {
		_, err := mail.ParseAddress(c)
		if err != nil && !strings.HasPrefix(c, "https://") && !(strings.HasPrefix(c, "@") && len(c) > 1) {
			wrong(strict.Index("contact", n), "must be an address of mail or of a page, or an @name, not %q", c)
		}
	}
	slices.SortFunc(ps, func(a, b strict.Problem) int { return strings.Compare(a.Field, b.Field) })
	return ps
}

// identity checks that it is about an implementation, a tool and a library that others have.
func (v *verifier) identity() {
	r := v.report
	for n, why := range r.Disqualified {
		v.wrong(strict.Index("disqualified", n), "it is no report of conformance: %s", why)
	}
	if !released(r.Tool.Version) && len(r.Disqualified) == 0 {
		v.wrong("tool.version", "%q names no sources that others have: use a release", r.Tool.Version)
	}
	if r.Cluster.Provider == "embedded" && len(r.Disqualified) == 0 {
		v.wrong("cluster.provider", "is embedded: that is cniproof's own reference engine, not an implementation")
	}
	if r.Library.Digest != v.catalog.Digest {
		v.wrong("library.digest", "is %q, and the library of this cniproof is %q: verify with cniproof %s, whose library it is", r.Library.Digest, v.catalog.Digest, r.Tool.Version)
	} else if r.Library.Scenarios != len(v.catalog.Scenarios) {
		v.wrong("library.scenarios", "is %d, and the library has %d", r.Library.Scenarios, len(v.catalog.Scenarios))
	}
	if len(r.Runs) == 0 {
		v.wrong("runs", "names no run: a report is made from at least one")
	}
}

// lists computes the profiles again from the lists in them.
func (v *verifier) lists() {
	if v.report.Library.Digest != v.catalog.Digest {
		return // its scenarios are not known
	}
	names := []string{}
	failed := map[string]bool{}
	for n := range v.report.Profiles {
		p := &v.report.Profiles[n]
		at := strict.Index("profiles", n)
		names = append(names, p.Name)
		outcomes := v.outcomes(at, p)
		for name, o := range outcomes {
			failed[name] = failed[name] || o.result == judge.Fail
		}
		v.differences(at, generic(v.catalog.profile(p.Name, outcomes)), generic(p), "its lists come to")
	}
	if want := []string{Core, Extended}; !slices.Equal(names, want) {
		v.wrong("profiles", "must be %s, not %s", strings.Join(want, " and "), strings.Join(names, ", "))
	}
	for n, d := range v.report.KnownDeviations {
		for _, name := range d.Scenarios {
			if !failed[name] {
				v.wrong(strict.Index("knownDeviations", n), "explains %q, which did not fail", name)
			}
		}
	}
}

// outcomes are what the lists of a profile say. A scenario in none of them passed.
func (v *verifier) outcomes(at string, p *Profile) map[string]outcome {
	all := map[string]outcome{}
	for _, sc := range v.catalog.level(p.Name) {
		all[sc.Name] = outcome{result: judge.Pass}
	}
	listed := map[string]string{}
	put := func(field, name string, o outcome) {
		switch {
		case !slices.ContainsFunc(v.catalog.level(p.Name), func(sc *scenario.Scenario) bool { return sc.Name == name }):
			v.wrong(field, "%q is no scenario of the profile %s", name, p.Name)
		case listed[name] != "":
			v.wrong(field, "%q is %s already", name, listed[name])
		default:
			listed[name] = field
			all[name] = o
		}
	}
	for i, name := range p.FailedScenarios {
		put(strict.Index(at+".failedScenarios", i), name, outcome{result: judge.Fail, flaky: slices.Contains(p.FlakyScenarios, name)})
	}
	for i, name := range p.InconclusiveScenarios {
		put(strict.Index(at+".inconclusiveScenarios", i), name, outcome{result: judge.Inconclusive})
	}
	for i, s := range p.SkippedScenarios {
		put(strict.Index(at+".skippedScenarios", i), s.Name, outcome{result: judge.Skipped, reason: s.Reason})
	}
	for i, name := range p.NotRunScenarios {
		put(strict.Index(at+".notRunScenarios", i), name, outcome{})
	}
	return all
}

// differences reports every field in which what is written differs from what was computed.
func (v *verifier) differences(path string, want, got any, who string) {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(w)) {
			v.differences(strict.Child(path, name), w[name], g[name], who)
		}
		return
	case []any:
		g, _ := got.([]any)
		if len(w) > 0 && len(w) == len(g) {
			if _, nested := w[0].(map[string]any); nested {
				for i := range w {
					v.differences(strict.Index(path, i), w[i], g[i], who)
				}
				return
			}
		}
	}
	if !reflect.DeepEqual(want, got) {
		v.wrong(path, "is %s, but %s %s", compact(got), who, compact(want))
	}
}

// generic is a value as JSON has it.
func generic(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	var v any
	if json.Unmarshal(text, &v) != nil {
		return nil
	}
	return v
}

func compact(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	const most = 200
	if len(text) > most {
		return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(string(text[:most]), ""), len(text))
	}
	return string(text)
}
