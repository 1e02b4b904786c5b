package report

import (
	"fmt"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// What is shown of many, unless everything is asked for.
const (
	fewScenarios = 5
	fewClasses   = 5
	fewBundles   = 3
	fewWords     = 6
)

// Details shows every scenario that failed, that could not be told or whose flows
// flapped: expected and observed side by side, and why the expectation is right.
// Where nothing is enforced one scenario stands for all. "" where there is nothing to show.
func Details(in Input, o Options) string {
	s := o.style()
	var shown, more []string
	for _, sc := range worstFirst(in.run()) {
		if !s.verbose && len(shown) >= detailed(in.run()) {
			more = append(more, sc.Name)
			continue
		}
		shown = append(shown, strings.Join(s.scenario(in, sc), "\n")+"\n\n")
	}
	if len(more) > 0 {
		text := fmt.Sprintf("In the JSON report in full: %s", some(more, 3*fewNames))
		shown = append(shown, strings.Join(wrap("", text, s.width), "\n")+"\n\n")
	}
	return strings.Join(shown, "")
}

// worstFirst are the scenarios that need a person's attention: those that failed before the others.
func worstFirst(r *judge.Run) []*judge.Scenario {
	var failed, others []*judge.Scenario
	for i := range r.Scenarios {
		switch sc := &r.Scenarios[i]; {
		case sc.Result == judge.Fail:
			failed = append(failed, sc)
		case troubled(sc):
			others = append(others, sc)
		}
	}
	return append(failed, others...)
}

// detailed is how many scenarios are shown in detail.
func detailed(r *judge.Run) int {
	if r.Preflight.Result == judge.Fail && !r.Preflight.Enforced {
		return 1
	}
	return fewScenarios
}

// troubled reports whether a scenario needs a person's attention.
func troubled(sc *judge.Scenario) bool {
	switch sc.Result {
	case judge.Pass, judge.Skipped, judge.Recorded:
		for _, step := range sc.Steps {
			if len(step.Flaps)+len(step.Vigil.Wrong()) > 0 {
				return true
			}
		}
		return false
	case judge.Fail, judge.Inconclusive:
	}
	return true
}

// scenario is the details of one scenario.
func (s style) scenario(in Input, sc *judge.Scenario) []string {
	lines := []string{s.title(sc)}
	lines = append(lines, wrap("  ", sc.Summary, s.width)...)
	if d := in.deviation(sc); d != nil {
		lines = append(lines, wrap("  ", "Known deviation: "+d.Summary+" Seen before: "+d.Confirmed+".", s.width)...)
		lines = append(lines, "  "+s.dim(plain(d.Link)))
	}
	if s.verbose {
		for _, ref := range sc.Refs {
			lines = append(lines, "  "+s.dim(plain(ref)))
		}
	}
	if !told(sc) {
		lines = append(lines, wrap("  ", sc.Reason, s.width)...)
	}
	number := 0
	for i := range sc.Steps {
		if !sc.Steps[i].Control {
			number++
		}
		lines = append(lines, s.step(sc, &sc.Steps[i], number)...)
	}
	return lines
}

// title is the heading of a scenario's details.
func (s style) title(sc *judge.Scenario) string {
	facts := string(sc.Level)
	if sc.Topic != "" {
		facts = plain(sc.Topic) + ", " + facts
	}
	if sc.FirstTry != "" {
		facts += ", second try"
	}
	head, name := mark(sc.Result)+"  ", plain(sc.Name)
	facts = cut("  ("+facts+")", s.width-columns(head)-columns(name))
	return s.tint(sc.Result, head) + s.bold(name) + s.dim(facts)
}

// told reports whether the scenario's reason is said by one of its steps.
func told(sc *judge.Scenario) bool {
	for _, step := range sc.Steps {
		if step.Reason != "" && strings.Contains(sc.Reason, step.Reason) {
			return true
		}
	}
	return sc.Reason == ""
}

// step is the details of one step; nothing for a step without trouble.
func (s style) step(sc *judge.Scenario, step *judge.Step, number int) []string {
	wrong, doubts := cellsOf(sc, step, mismatch), cellsOf(sc, step, doubtful)
	good := step.Result == judge.Pass || step.Result == judge.Recorded || step.Result == judge.Skipped
	if good && len(wrong)+len(doubts)+len(step.Flaps)+len(step.Vigil.Wrong())+len(step.DebutsOf(judge.Fail)) == 0 {
		return nil
	}
	lines := []string{""}
	lines = append(lines, wrap("  ", stepTitle(step, number)+": "+stepReason(step, wrong, doubts), s.width)...)
	if text := commonIn(sc, step); text != "" {
		lines = append(lines, wrap("  ", text, s.width)...)
	}
	lines = append(lines, s.readings(step)...)
	lines = append(lines, s.matrices(sc, step)...)
	lines = append(lines, s.why("✗ ", s.bad, sights(wrong, func(c judge.Cell) string { return c.Explanation }))...)
	lines = append(lines, s.why("? ", s.warn, sights(doubts, func(c judge.Cell) string { return c.Detail }))...)
	lines = append(lines, s.why("~ ", s.bad, restless(unsettled(sc, step)))...)
	lines = append(lines, s.why("✗ ", s.bad, debutSights(step, judge.Fail))...)
	lines = append(lines, s.why("? ", s.warn, debutSights(step, judge.Inconclusive))...)
	lines = append(lines, s.flaps(step)...)
	return append(lines, s.guarded(step)...)
}

func restless(cells []judge.Cell) []sight {
	all := sights(cells, func(judge.Cell) string { return "" })
	for i := range all {
		all[i].class = fmt.Sprintf("never at rest, expected %s", cells[i].Expected)
	}
	return all
}

func stepTitle(step *judge.Step, number int) string {
	if step.Control {
		return plain(step.Name)
	}
	return fmt.Sprintf("step %d %q", number, plain(step.Name))
}

func stepReason(step *judge.Step, wrong, doubts []judge.Cell) string {
	reason := step.Reason
	if reason == "" {
		reason = fmt.Sprintf("%d wrong, %d could not be told", len(wrong), len(doubts))
	}
	return fmt.Sprintf("%s (%s, %s)", reason, plural(step.Rounds, "round"), plural(step.Probes, "probe"))
}

// matrices are the planes that are not as expected, and a word on the others.
func (s style) matrices(sc *judge.Scenario, step *judge.Step) []string {
	all := planes(sc, step)
	sheet := sheet{style: s, indent: "    "}
	var lines, fine []string
	for _, p := range all {
		if !p.troubled() {
			fine = append(fine, p.caption())
			continue
		}
		lines = append(lines, "")
		if len(all) > 1 {
			lines = append(lines, sheet.indent+s.bold(p.caption()))
		}
		lines = append(lines, sheet.draw(p.grid())...)
	}
	if len(lines) > 0 && len(fine) > 0 {
		lines = append(lines, sheet.indent+s.dim("as expected: "+strings.Join(fine, ", ")))
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	return lines
}

// why says of each class of flows what was expected and seen, and why that is wrong.
func (s style) why(symbol string, paint func(string) string, all []sight) []string {
	var lines []string
	left := 0
	classes := byClass(bundles(all))
	for i, class := range classes {
		if i >= fewClasses && !s.verbose {
			left += flowsOf(class)
			continue
		}
		lines = append(lines, s.class(symbol, paint, class)...)
	}
	if left > 0 {
		lines = append(lines, fmt.Sprintf("    and %s more, in full in the JSON report", plural(left, "flow")))
	}
	return lines
}

func byClass(all []bundle) [][]bundle {
	var classes [][]bundle
	for i, b := range all {
		if i == 0 || all[i-1].first.class != b.first.class {
			classes = append(classes, nil)
		}
		classes[len(classes)-1] = append(classes[len(classes)-1], b)
	}
	return classes
}

func flowsOf(class []bundle) int {
	n := 0
	for _, b := range class {
		n += b.flows
	}
	return n
}

// class is one paragraph: the flow lines, what they came to, and the sentence.
func (s style) class(symbol string, paint func(string) string, class []bundle) []string {
	f := s.finding(class)
	verdict := fmt.Sprintf("%s (%s).", f.verdict, f.outcomes)
	if f.why != "" {
		verdict += " " + f.why
	}
	if len(class) == 1 {
		return s.bullet(symbol, paint, f.lines[0]+": "+verdict)
	}
	var lines []string
	for _, line := range f.lines {
		lines = append(lines, s.bullet(symbol, paint, line)...)
		symbol = "  "
	}
	return append(lines, s.bullet(symbol, paint, fmt.Sprintf("together %s: %s", plural(f.flows, "flow"), verdict))...)
}

// finding is what is said of one class of flows.
type finding struct {
	lines    []string // flow lines; the last may say how many more there are
	flows    int
	verdict  string // what was expected and what was seen
	outcomes string
	why      string // a sentence, or ""
}

func (s style) finding(class []bundle) finding {
	shown, limit := class, 0
	if !s.verbose {
		shown, limit = class[:min(len(class), fewBundles)], fewWords
	}
	f := finding{flows: flowsOf(class), verdict: verdicts(class[0].first.class), why: sentence(class)}
	for _, b := range shown {
		f.lines = append(f.lines, b.line(limit))
	}
	if rest := flowsOf(class[len(shown):]); rest > 0 {
		f.lines = append(f.lines, fmt.Sprintf("and %s more", plural(rest, "flow")))
	}
	seen := map[flow.Outcome]int{}
	for _, b := range class {
		for o, n := range b.outcomes {
			seen[o] += n
		}
	}
	f.outcomes = outcomes(seen)
	return f
}

// sentence is the explanation of a class. Where it is not the same
// for all of its flows it is that of the first.
func sentence(class []bundle) string {
	first := class[0].first
	if first.why == "" {
		return ""
	}
	why := strings.TrimSuffix(first.why, ".") + "."
	if flowsOf(class) > len(class[0].words[byPath]) && first.why != skeleton(first.why, first.flow) {
		return fmt.Sprintf("For %s: %s", first.flow.Line(), why)
	}
	return why
}

func verdicts(class string) string {
	text, _, _ := strings.Cut(class, "|")
	return text
}

func (s style) bullet(symbol string, paint func(string) string, text string) []string {
	lines := wrap("    "+symbol, text, s.width)
	lines[0] = "    " + paint(symbol) + strings.TrimPrefix(lines[0], "    "+symbol)
	return lines
}

// flaps names the flows that did not stay as they were, with the earliest time.
func (s style) flaps(step *judge.Step) []string {
	grouped := bundles(flapsOf(step))
	var lines []string
	for i, b := range grouped {
		if i >= fewClasses && !s.verbose {
			lines = append(lines, fmt.Sprintf("    and %s more", plural(flowsOf(grouped[i:]), "flow")))
			break
		}
		lines = append(lines, s.bullet("~ ", s.bad, "flapped: "+b.flapped(fewWords))...)
	}
	return lines
}

func flapsOf(step *judge.Step) []sight {
	all := make([]sight, len(step.Flaps))
	for i, f := range step.Flaps {
		all[i] = sight{
			flow:     f.Flow,
			class:    fmt.Sprintf("expected %s, and was %s", f.Expected, f.Outcome),
			outcomes: map[flow.Outcome]int{f.Outcome: 1},
			after:    f.After,
		}
	}
	return all
}

func (b bundle) flapped(limit int) string {
	return fmt.Sprintf("%s: %s %s after the change.", b.line(limit), b.first.class, short(b.after))
}
