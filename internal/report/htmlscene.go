package report

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/vigil"
)

// sceneView is one scenario.
type sceneView struct {
	Name, Topic, Level, Class, Mark, Note, Took string
	Features                                    []string
	Troubled, Open                              bool
	Summary, Reason, FirstTry                   string
	Refs                                        []refView
	Deviation                                   *Deviation
	Stage                                       int
	Explain, Again                              string
	Bundle                                      string // where its folder is
	Steps                                       []stepView
}

// refView is a source: a link where it has an address.
type refView struct{ Text, URL string }

// stepView is one step of a scenario.
type stepView struct {
	Title, Class, Mark, Facts, Took string
	Open                            bool
	Source                          string
	Reason, Common, Consistent      string
	Same                            string // instead of planes: which table it has
	Planes                          []planeView
	Fine                            string // paths that are as expected
	Findings                        []findingView
	Flaps                           []string
	Watched                         string // of a steady step: what, and how closely
	Stretches                       []findingView
	Line                            *timelineView
}

// findingView is a finding with its symbol.
type findingView struct {
	Class, Symbol          string
	Lines                  []string
	Flows                  string
	Verdict, Outcomes, Why string
}

// troubleView is a scenario among those that need attention, in a few lines.
type troubleView struct {
	Name, Class, Mark, Facts, Summary, Reason, Consistent string
	Deviation                                             *Deviation
	Finding                                               *findingView
}

// trouble fills in what is wrong, worst first.
func (v *pageView) trouble(in Input) {
	list := worstFirst(in.run())
	shown := min(len(list), detailed(in.run()))
	for _, sc := range list[:shown] {
		v.Wrong = append(v.Wrong, newTroubleView(in, sc))
	}
	v.More = len(list) - shown
}

func newTroubleView(in Input, sc *judge.Scenario) troubleView {
	t := troubleView{
		Name: sc.Name, Class: string(known(sc.Result)), Mark: mark(sc.Result),
		Facts: strings.Trim(sc.Topic+", "+string(sc.Level), ", "), Summary: plain(sc.Summary),
		Reason: sentenceOf(sc.Reason), Deviation: in.deviation(sc),
	}
	for i := range sc.Steps {
		step := &sc.Steps[i]
		if list := stepFindings(style{width: widest}, sc, step); len(list) > 0 {
			t.Finding, t.Consistent = &list[0], style{}.consistent(step)
			t.Reason = strings.TrimSpace(t.Reason + " " + commonIn(sc, step))
			return t
		}
	}
	return t
}

// sentenceOf makes a sentence of words that may be one already.
func sentenceOf(text string) string {
	text = strings.TrimSuffix(plain(text), ".")
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}

func newSceneView(in Input, sc *judge.Scenario) *sceneView {
	v := &sceneView{
		Name: sc.Name, Topic: sc.Topic, Level: string(sc.Level), Class: string(known(sc.Result)), Mark: mark(sc.Result),
		Note: note(in, sc), Took: clock(sc.Took), Features: sc.Features, Troubled: troubled(sc), FirstTry: sentenceOf(sc.FirstTry),
		Summary: plain(sc.Summary), Deviation: in.deviation(sc), Stage: sc.Stage,
	}
	if !told(sc) || len(sc.Steps) == 0 {
		v.Reason = plain(sc.Reason)
	}
	for _, ref := range sc.Refs {
		v.Refs = append(v.Refs, refView{plain(ref), address(ref)})
	}
	if v.Troubled {
		v.Explain, v.Again = explain(in.Command, sc.Name), again(in.Command, sc.Name)
		v.Bundle = in.Bundles.Folders[sc.Name]
	}
	number := 0
	tables := map[string]string{}
	for i := range sc.Steps {
		if !sc.Steps[i].Control {
			number++
		}
		v.Steps = append(v.Steps, newStepView(sc, &sc.Steps[i], number, tables))
	}
	return v
}

// note is why a scenario is no pass, else what it is about.
func note(in Input, sc *judge.Scenario) string {
	switch {
	case in.deviation(sc) != nil:
		return "known deviation: " + plain(in.deviation(sc).Summary)
	case sc.Reason != "":
		return plain(sc.Reason)
	}
	return plain(sc.Summary)
}

// address is where a source leads; "" where it is a title, or nothing to follow.
func address(ref string) string {
	u, err := url.Parse(ref)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	return ref
}

// newStepView knows the tables of the steps before, by what they look like, so that
// one which comes again is not shown again.
func newStepView(sc *judge.Scenario, step *judge.Step, number int, tables map[string]string) stepView {
	s := style{width: widest, verbose: true}
	v := stepView{
		Title: plain(step.Name), Class: string(known(step.Result)), Mark: mark(step.Result), Took: clock(step.Took),
		Facts: stepFacts(step), Source: step.Source, Reason: sentenceOf(step.Reason), Common: commonIn(sc, step),
		Consistent: s.consistent(step),
		Findings:   stepFindings(s, sc, step), Line: newTimeline(step),
	}
	name := "the control"
	if !step.Control {
		name = fmt.Sprintf("step %d", number)
		v.Title = fmt.Sprintf("%d. %s", number, v.Title)
	}
	for _, b := range bundles(flapsOf(step)) {
		v.Flaps = append(v.Flaps, b.flapped(0))
	}
	if step.Vigil != nil {
		v.Watched = watched(step.Vigil)
	}
	for _, st := range stretches(step.Vigil) {
		class, symbol := string(judge.Fail), "!"
		if st.kind == vigil.Unclear {
			class, symbol = string(judge.Inconclusive), "?"
		}
		v.Stretches = append(v.Stretches, findingView{Class: class, Symbol: symbol, Verdict: st.String()})
	}
	v.Open = len(v.Findings)+len(v.Flaps)+len(v.Stretches) > 0 && troubled(sc)
	v.table(sc, step, name, tables)
	for _, class := range byClass(bundles(records(cellsOf(sc, step, record)))) {
		v.Findings = append(v.Findings, newFindingView(string(judge.Recorded), "·", s.finding(class)))
	}
	return v
}

func stepFacts(step *judge.Step) string {
	var parts []string
	for _, d := range step.Deeds {
		parts = append(parts, deedName(d))
	}
	for _, count := range []struct {
		n    int
		what string
	}{{step.Allowed, "allowed"}, {step.Denied, "denied"}, {step.Undefined, "not settled"}} {
		if count.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count.n, count.what))
		}
	}
	return strings.Join(parts, " · ")
}

// stepFindings are the flows that are wrong, doubtful or never came to rest.
func stepFindings(s style, sc *judge.Scenario, step *judge.Step) []findingView {
	var list []findingView
	for _, kind := range []struct {
		class  judge.Result
		symbol string
		all    []sight
	}{
		{judge.Fail, "✗", sights(cellsOf(sc, step, mismatch), func(c judge.Cell) string { return c.Explanation })},
		{judge.Inconclusive, "?", sights(cellsOf(sc, step, doubtful), func(c judge.Cell) string { return c.Detail })},
		{judge.Fail, "~", restless(unsettled(sc, step))},
		{judge.Fail, "✗", debutSights(step, judge.Fail)},
		{judge.Inconclusive, "?", debutSights(step, judge.Inconclusive)},
	} {
		for _, class := range byClass(bundles(kind.all)) {
			list = append(list, newFindingView(string(kind.class), kind.symbol, s.finding(class)))
		}
	}
	return list
}

func newFindingView(class, symbol string, f finding) findingView {
	v := findingView{Class: class, Symbol: symbol, Lines: f.lines, Verdict: f.verdict, Outcomes: f.outcomes, Why: sentenceOf(f.why)}
	if len(f.lines) > 1 {
		v.Flows = "together " + plural(f.flows, "flow") + ": "
	}
	return v
}

// profileView is what was seen of one behaviour that no specification settles.
type profileView struct {
	Name, Level, Summary string
	Rows                 []findingView
}

// profiles are by topic and name, as the scenarios are.
func profiles(r *judge.Run) []profileView {
	var list []profileView
	s := style{width: widest}
	for _, sc := range sorted(r) {
		if sc.Result != judge.Recorded {
			continue
		}
		p := profileView{Name: sc.Name, Level: string(sc.Level), Summary: plain(sc.Summary)}
		for i := range sc.Steps {
			if sc.Steps[i].Control {
				continue
			}
			for _, class := range byClass(bundles(records(cellsOf(sc, &sc.Steps[i], record)))) {
				row := newFindingView("", "", s.finding(class))
				if !slices.ContainsFunc(p.Rows, row.says) {
					p.Rows = append(p.Rows, row)
				}
			}
		}
		list = append(list, p)
	}
	return list
}

// says reports whether two findings say the same of the same flows.
func (f findingView) says(other findingView) bool {
	return f.Verdict == other.Verdict && slices.Equal(f.Lines, other.Lines)
}
