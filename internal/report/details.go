package report

import (
	"fmt"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// What is shown of many, unless everything is asked for.
const (
	fewScenarios = 8
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
	for i := range in.run().Scenarios {
		sc := &in.run().Scenarios[i]
		switch {
		case !troubled(sc):
		case !s.verbose && len(shown) >= s.limit(in.run()):
			more = append(more, sc.Name)
		default:
			shown = append(shown, strings.Join(s.scenario(sc), "\n")+"\n\n")
		}
	}
	if len(more) > 0 {
		text := fmt.Sprintf("%s more like this, in full in the JSON report: %s", plural(len(more), "scenario"), some(more, 3*fewNames))
		shown = append(shown, strings.Join(wrap("", text, s.width), "\n")+"\n\n")
	}
	return strings.Join(shown, "")
}

func (s style) limit(r *judge.Run) int {
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
			if len(step.Flaps) > 0 {
				return true
			}
		}
		return false
	case judge.Fail, judge.Inconclusive:
	}
	return true
}

// scenario is the details of one scenario.
func (s style) scenario(sc *judge.Scenario) []string {
	facts := []string{string(sc.Level)}
	if sc.Topic != "" {
		facts = append([]string{sc.Topic}, facts...)
	}
	if sc.Retried {
		facts = append(facts, "second try")
	}
	lines := []string{s.tint(sc.Result, mark(sc.Result)) + "  " + s.bold(plain(sc.Name)) + s.dim("  ("+strings.Join(facts, ", ")+")")}
	lines = append(lines, wrap("  ", sc.Summary, s.width)...)
	if s.verbose {
		for _, ref := range sc.Refs {
			lines = append(lines, "  "+s.dim(ref))
		}
	}
	shown := false
	for i := range sc.Steps {
		text := s.step(sc, i)
		lines = append(lines, text...)
		shown = shown || len(text) > 0
	}
	if !shown && sc.Reason != "" {
		lines = append(lines, wrap("  ", sc.Reason, s.width)...)
	}
	return lines
}

// step is the details of one step; nothing for a step without trouble.
func (s style) step(sc *judge.Scenario, i int) []string {
	step := &sc.Steps[i]
	wrong, doubts := cellsOf(sc, step, mismatch), cellsOf(sc, step, doubtful)
	good := step.Result == judge.Pass || step.Result == judge.Recorded || step.Result == judge.Skipped
	if good && len(wrong)+len(doubts)+len(step.Flaps) == 0 {
		return nil
	}
	lines := []string{""}
	lines = append(lines, wrap("  ", stepTitle(step, i)+": "+stepReason(step, wrong, doubts), s.width)...)
	if text := common(wrong, judgedCells(step.Cells)); text != "" {
		lines = append(lines, wrap("  ", text, s.width)...)
	}
	lines = append(lines, s.matrices(sc, step)...)
	lines = append(lines, s.why("✗ ", s.bad, sights(wrong, func(c judge.Cell) string { return c.Explanation }))...)
	lines = append(lines, s.why("? ", s.warn, sights(doubts, func(c judge.Cell) string { return c.Detail }))...)
	return append(lines, s.flaps(step)...)
}

func stepTitle(step *judge.Step, i int) string {
	if step.Control {
		return fmt.Sprintf("control %q", plain(step.Name))
	}
	return fmt.Sprintf("step %d %q", i+1, plain(step.Name))
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

// class is one paragraph: the flow lines, what all of them came to, and the sentence.
func (s style) class(symbol string, paint func(string) string, class []bundle) []string {
	shown, limit := class, 0
	if !s.verbose {
		shown, limit = class[:min(len(class), fewBundles)], fewWords
	}
	var lines []string
	seen := map[flow.Outcome]int{}
	for _, b := range class {
		for o, n := range b.outcomes {
			seen[o] += n
		}
	}
	for i, b := range shown {
		text := b.line(limit)
		if i == len(shown)-1 {
			if rest := flowsOf(class[len(shown):]); rest > 0 {
				text += fmt.Sprintf(" and %s more", plural(rest, "flow"))
			}
			text += fmt.Sprintf(": %s (%s).", verdicts(b.first.class), outcomes(seen)) + s.sentence(class)
		}
		lines = append(lines, s.bullet(symbol, paint, text)...)
		symbol = "  "
	}
	return lines
}

// sentence is the explanation of a class. Where it is not the same for all of its
// flows it is that of the first.
func (s style) sentence(class []bundle) string {
	first := class[0].first
	switch {
	case first.why == "":
		return ""
	case flowsOf(class) > len(class[0].words[byPath]) && first.why != skeleton(first.why, first.flow):
		return fmt.Sprintf(" For %s: %s", first.flow.Line(), first.why)
	}
	return " " + first.why
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
	var all []sight
	for _, f := range step.Flaps {
		all = append(all, sight{
			flow:     f.Flow,
			class:    fmt.Sprintf("expected %s, and was %s", f.Expected, f.Outcome),
			outcomes: map[flow.Outcome]int{f.Outcome: 1},
			after:    f.After,
		})
	}
	grouped := bundles(all)
	var lines []string
	for i, b := range grouped {
		if i >= fewClasses && !s.verbose {
			lines = append(lines, fmt.Sprintf("    and %d more such groups of flows", len(grouped)-i))
			break
		}
		text := fmt.Sprintf("flapped: %s: %s %s after the change.", b.line(fewWords), b.first.class, short(b.after))
		lines = append(lines, s.bullet("~ ", s.bad, text)...)
	}
	return lines
}

// judgedCells are the cells that some verdict is expected of.
func judgedCells(cells []judge.Cell) []judge.Cell {
	var kept []judge.Cell
	for _, c := range cells {
		if c.Expected != flow.Undefined {
			kept = append(kept, c)
		}
	}
	return kept
}

// wrongOf are the mismatches of a whole run.
func wrongOf(r *judge.Run) []judge.Cell {
	var cells []judge.Cell
	for i := range r.Scenarios {
		sc := &r.Scenarios[i]
		for n := range sc.Steps {
			cells = append(cells, cellsOf(sc, &sc.Steps[n], mismatch)...)
		}
	}
	return cells
}

// judgedOf are the judged cells of all steps that have mismatches.
func judgedOf(r *judge.Run) []judge.Cell {
	var cells []judge.Cell
	for i := range r.Scenarios {
		sc := &r.Scenarios[i]
		for n := range sc.Steps {
			step := &sc.Steps[n]
			if len(cellsOf(sc, step, mismatch)) > 0 {
				cells = append(cells, judgedCells(step.Cells)...)
			}
		}
	}
	return cells
}
