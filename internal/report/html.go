package report

import (
	_ "embed" // for the assets
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/page"
)

//go:embed html/report.tmpl
var htmlBody string

//go:embed html/report.css
var htmlStyle string

// writeHTML writes one file that needs no network. What is wrong comes first, and
// everything can be read without the script, which only filters.
func writeHTML(w io.Writer, in Input, _ Options) error {
	view := newPageView(in)
	return page.Page{
		Title: fmt.Sprintf("%s: %s", view.Word, view.Judged), Tool: plain(in.Tool),
		Style: htmlStyle, Body: htmlBody, Data: view,
	}.Write(w)
}

// pageView is what the template shows.
type pageView struct {
	Tool, Word, Class, Judged, Verdict, Common, Consistent string
	Banners                                                []banner
	Wrong                                                  []troubleView
	More                                                   int // that are wrong too
	Facts                                                  []fact
	Totals                                                 []countView
	Results                                                []choice
	Columns                                                []string // of Totals
	Selects                                                []selectView
	Scenarios                                              []*sceneView
	Latency                                                []latencyView
	Deeds                                                  []deedView
	Recorded                                               []profileView
	Deviations                                             []occurrence
	Skipped                                                []skippedView
	Promised                                               string
	Values                                                 []string // of axes: the columns of Promises
	Promises                                               []promiseView
}

// banner is something that must not be read over.
type banner struct{ Class, Word, Text string }

type fact struct {
	Name, Text string
	Code       bool
}

// countView is a row of the table of levels and results.
type countView struct {
	Name, Means string
	Counts      []countCell
}

type countCell struct {
	Class string
	N     int
}

// choice is a filter by result.
type choice struct {
	Result judge.Result
	Mark   string
	N      int
}

// selectView is a filter by something that scenarios have in common.
type selectView struct {
	Name   string
	Values []string
}

// skippedView is a reason and the scenarios that had no turn for it.
type skippedView struct {
	Reason string
	Names  []string
}

func newPageView(in Input) pageView {
	run := in.run()
	word, verdict, _ := strings.Cut(verdict(in), ":")
	v := pageView{
		Tool: plain(in.Tool), Word: word, Class: outcomeClass(in), Judged: judged(in.Cluster),
		Verdict: strings.TrimSpace(verdict), Common: commonTo(run), Consistent: readingOf(run),
		Banners: banners(in), Facts: facts(in), Totals: countViews(run), Results: choices(run),
		Latency: latencyViews(run), Deeds: deedViews(run), Recorded: profiles(run), Skipped: skippedViews(run),
		Columns: columnNames(), Selects: selects(run), Promised: promises(run), Promises: promiseViews(run),
	}
	if len(v.Promises) > 0 {
		v.Values = promiseHead(run)
	}
	if strings.Contains(word, " ") { // a sentence, not one word
		v.Word, v.Verdict = "INTERRUPTED", word+":"+verdict
	}
	v.trouble(in)
	for _, sc := range sorted(run) {
		v.Scenarios = append(v.Scenarios, newSceneView(in, sc))
	}
	v.open()
	for _, o := range in.occurrences() {
		if len(o.seen)+len(o.gone) > 0 {
			v.Deviations = append(v.Deviations, o)
		}
	}
	return v
}

// selects are the filters that tell scenarios of this run apart.
func selects(r *judge.Run) []selectView {
	byName := map[string]map[string]bool{"level": {}, "topic": {}, "feature": {}}
	for _, sc := range r.Scenarios {
		byName["level"][string(sc.Level)] = true
		byName["topic"][sc.Topic] = true
		for _, f := range sc.Features {
			byName["feature"][f] = true
		}
	}
	var list []selectView
	for _, name := range []string{"level", "topic", "feature"} {
		delete(byName[name], "")
		if values := slices.Sorted(maps.Keys(byName[name])); len(values) > 1 {
			list = append(list, selectView{name, values})
		}
	}
	return list
}

func columnNames() []string {
	var names []string
	for _, r := range results() {
		names = append(names, string(r))
	}
	return names
}

// fewOpen scenarios need no click before their details are seen.
const fewOpen = 3

func (v *pageView) open() {
	if len(v.Wrong)+v.More > fewOpen {
		return
	}
	for _, s := range v.Scenarios {
		s.Open = s.Troubled
	}
}

// sorted puts what needs attention first, and within a result goes by topic and name:
// two reports of one cluster have one order, whatever the order of the run.
func sorted(r *judge.Run) []*judge.Scenario {
	list := make([]*judge.Scenario, len(r.Scenarios))
	for i := range r.Scenarios {
		list[i] = &r.Scenarios[i]
	}
	slices.SortStableFunc(list, func(a, b *judge.Scenario) int {
		if d := slices.Index(results(), known(a.Result)) - slices.Index(results(), known(b.Result)); d != 0 {
			return d
		}
		if d := strings.Compare(a.Topic, b.Topic); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// results are all results, those that need attention first.
func results() []judge.Result {
	return []judge.Result{judge.Fail, judge.Inconclusive, judge.Pass, judge.Recorded, judge.Skipped}
}

// outcomeClass is the result that the whole run comes to.
func outcomeClass(in Input) string {
	switch in.ExitCode() {
	case ExitPass:
		return string(judge.Pass)
	case ExitFail:
		return string(judge.Fail)
	}
	return string(judge.Inconclusive)
}

func banners(in Input) []banner {
	var list []banner
	r, c := in.run(), in.Cluster
	if word, message := alarm(r.Preflight); word != "" {
		list = append(list, banner{"bad", word, message})
	}
	if r.Err != "" {
		list = append(list, banner{"bad", "THE RUN ENDED EARLY", r.Err})
	}
	if r.Interrupted {
		list = append(list, banner{"warn", "INTERRUPTED", "Not every scenario had its turn: what is missing says nothing."})
	}
	if len(c.Faults) > 0 {
		list = append(list, banner{"warn", "FAULTS PLANTED ON PURPOSE: " + strings.Join(c.Faults, ", "), "This run shows that the suite catches them. It says nothing about a CNI."})
	}
	if c.Reference {
		list = append(list, banner{"note", "REFERENCE ENGINE", "What was judged is cniproof's own engine in its embedded cluster, not a CNI."})
	}
	if in.AllowDeviations {
		list = append(list, banner{"note", "KNOWN DEVIATIONS ARE ALLOWED", "A failure that one of them explains does not count against the result."})
	}
	return list
}

func facts(in Input) []fact {
	r, c := in.run(), in.Cluster
	list := []fact{{"judged", judged(c), false}, {"cluster", whereabouts(c), false}}
	if r.Preflight.Result == judge.Pass {
		list = append(list, fact{"preflight", r.Preflight.Message, false})
	}
	if !r.Begin.IsZero() {
		list = append(list, fact{"began", r.Begin.UTC().Format("2006-01-02 15:04:05 UTC"), false})
	}
	took, _, _ := strings.Cut(duration(r), ";")
	list = append(list, fact{"run", took, false})
	if r.Spent() != (judge.Spent{}) {
		list = append(list, fact{"time", spent(r.Spent()), false})
	}
	list = append(list, fact{"seed", fmt.Sprint(r.Seed), false},
		fact{"cniproof", in.Tool, false}, fact{"command", shell(in.Command), true})
	for i := range list {
		list[i].Text = plain(list[i].Text)
	}
	return list
}

func countViews(r *judge.Run) []countView {
	means := map[string]string{
		"must": "the specification demands it", "optional": "a feature that a plugin may lack",
		"contested": "sources contradict each other; not scored", "undefined": "no source settles it; not scored",
	}
	sum := totals(r)
	var list []countView
	for _, l := range levels() {
		if c := sum.Levels[l]; c != (Counts{}) {
			list = append(list, countView{string(l), means[string(l)], c.cells()})
		}
	}
	if len(list) > 1 {
		list = append(list, countView{"all", "", sum.Counts.cells()})
	}
	return list
}

func (c Counts) cells() []countCell {
	var list []countCell
	for _, r := range results() {
		list = append(list, countCell{string(r), c.of(r)})
	}
	return list
}

func (c Counts) of(r judge.Result) int {
	switch r {
	case judge.Pass:
		return c.Pass
	case judge.Fail:
		return c.Fail
	case judge.Skipped:
		return c.Skipped
	case judge.Recorded:
		return c.Recorded
	case judge.Inconclusive:
	}
	return c.Inconclusive
}

func choices(r *judge.Run) []choice {
	var list []choice
	sum := totals(r)
	for _, res := range results() {
		if n := sum.of(res); n > 0 {
			list = append(list, choice{res, mark(res), n})
		}
	}
	return list
}

func skippedViews(r *judge.Run) []skippedView {
	var list []skippedView
	for _, sc := range r.Scenarios {
		if sc.Result != judge.Skipped {
			continue
		}
		i := slices.IndexFunc(list, func(v skippedView) bool { return v.Reason == sc.Reason })
		if i < 0 {
			i, list = len(list), append(list, skippedView{Reason: sc.Reason})
		}
		list[i].Names = append(list[i].Names, sc.Name)
	}
	for i := range list {
		slices.Sort(list[i].Names)
	}
	return list
}

// Seen and Gone are for the template.
func (o occurrence) Seen() []string { return o.seen }

// Gone are the scenarios that the deviation should explain, and that pass.
func (o occurrence) Gone() []string { return o.gone }
