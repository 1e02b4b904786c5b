package report

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// planeView is one matrix: expected and observed where something is wrong, else once.
type planeView struct {
	Caption string
	Words   bool // there is room for words
	Sides   []sideView
}

type sideView struct {
	Title string
	Heads []string // of several lines
	Rows  []rowView
}

// rowView is a source; its cells are markup that is made of constants only.
type rowView struct {
	Name  string
	Cells template.HTML
}

// wordyColumns fit beside each other twice with a word in each cell.
const wordyColumns = 5

// table shows the step's matrix, unless a sentence says as much.
func (v *stepView) table(sc *judge.Scenario, step *judge.Step, name string, seen map[string]string) {
	shown := *step
	shown.Cells = sc.Table(step)
	planes := planesOf(sc, &shown, &v.Fine)
	switch earlier, again := seen[look(planes)]; {
	case uniform(&shown) != "" && !v.Open:
		v.Same = uniform(&shown)
	case again && !v.Open:
		v.Same = "Its table is that of " + earlier + "."
	default:
		v.Planes = planes
		if !v.Open {
			seen[look(planes)] = name
		}
	}
}

// uniform is a sentence that stands for a table; "" where flows differ.
func uniform(step *judge.Step) string {
	n := len(step.Cells)
	for _, c := range step.Cells {
		if c.Expected != step.Cells[0].Expected || c.Observed != c.Expected {
			return ""
		}
	}
	switch {
	case n == 0:
		return "" // nothing is known
	case step.Cells[0].Expected == flow.Allow:
		return fmt.Sprintf("All %s must connect, and do.", plural(n, "flow"))
	case step.Cells[0].Expected == flow.Deny:
		return fmt.Sprintf("All %s must be closed, and are.", plural(n, "flow"))
	}
	return ""
}

// look is equal where planes are shown alike.
func look(planes []planeView) string {
	var b strings.Builder
	for _, p := range planes {
		fmt.Fprintf(&b, "%s|%v\n", p.Caption, p.Sides)
	}
	return b.String()
}

// planesOf are the matrices with trouble, and names the others; all of them where
// there is none.
func planesOf(sc *judge.Scenario, step *judge.Step, fine *string) []planeView {
	all := planes(sc, step)
	var list []planeView
	var names []string
	for _, p := range all {
		if p.troubled() {
			list = append(list, p.view(len(all) > 1, true))
		} else {
			names = append(names, p.caption())
		}
	}
	if len(list) > 0 {
		*fine = strings.Join(names, ", ")
		return list
	}
	for _, p := range all {
		list = append(list, p.view(len(all) > 1, false))
	}
	return list
}

func (p plane) view(named, twice bool) planeView {
	g := p.grid()
	v := planeView{Words: len(g.columns) <= wordyColumns}
	if named {
		v.Caption = p.caption()
	}
	if !twice {
		side := g.summary()
		return planeView{Caption: v.Caption, Words: len(side.Heads) <= 2*wordyColumns, Sides: []sideView{side}}
	}
	v.Sides = []sideView{g.side("expected", expectedCell), g.side("observed", observedCell)}
	return v
}

func (g grid) side(title string, cell func(pair) string) sideView {
	v := sideView{Title: title}
	for _, c := range g.columns {
		v.Heads = append(v.Heads, strings.Join(c.heading(), "\n"))
	}
	for _, from := range g.rows {
		v.Rows = append(v.Rows, newRow(from.String(), len(g.columns), func(k int) (pair, bool) {
			p, ok := g.table[place{from, g.columns[k][0]}]
			return p, ok
		}, cell))
	}
	return v
}

func newRow(name string, n int, at func(int) (pair, bool), cell func(pair) string) rowView {
	var b strings.Builder
	for k := range n {
		if p, ok := at(k); ok {
			b.WriteString(cell(p))
		} else {
			b.WriteString("<td>")
		}
	}
	return rowView{name, template.HTML(b.String())} //nolint:gosec // constants
}

// A cell has a colour and a symbol by its class, and a word for whoever sees neither.
func expectedCell(p pair) string {
	switch p.expected {
	case flow.Allow:
		return `<td class=a>allow`
	case flow.Deny:
		return `<td class=d>deny`
	case flow.Undefined, flow.Unknown, flow.OneWay:
	}
	return `<td class=u>any`
}

func observedCell(p pair) string {
	switch {
	case p.bad == mismatch && p.observed == flow.OneWay:
		return `<td class="o w">one-way<b> wrong</b>`
	case p.bad == mismatch && p.observed == flow.Allow:
		return `<td class="a w">allow<b> wrong</b>`
	case p.bad == mismatch:
		return `<td class="d w">deny<b> wrong</b>`
	case p.bad == doubtful || p.observed == flow.Unknown:
		return `<td class=q>unknown`
	case p.observed == flow.OneWay:
		return `<td class="o r">one-way<b> recorded</b>`
	case p.bad == record && p.observed == flow.Allow:
		return `<td class="a r">allow<b> recorded</b>`
	case p.bad == record:
		return `<td class="d r">deny<b> recorded</b>`
	case p.observed == flow.Allow:
		return `<td class=a>allow`
	}
	return `<td class=d>deny`
}
