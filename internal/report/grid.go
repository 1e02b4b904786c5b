package report

import (
	"fmt"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
)

// What of a big matrix is shown unless everything is asked for.
const (
	fewRows   = 12
	fewBlocks = 3
	// contextRows is how many rows are shown whole, for comparison, though not all are concerned.
	contextRows = 6
)

// sheet draws grids: the sources as rows, and as columns the destinations twice,
// as expected and as observed.
type sheet struct {
	style
	indent string
}

// draw shows the whole grid where it is small, else the part that is concerned,
// and says what it leaves out.
func (s sheet) draw(g grid) []string {
	part := g
	if small := len(g.rows) <= fewRows && len(s.blocks(g)) == 1; !small && !s.verbose {
		part = g.concerned(contextRows)
	}
	rows, blocks := part.rows, s.blocks(part)
	if !s.verbose {
		part.rows = rows[:min(len(rows), fewRows)]
		blocks = blocks[:min(len(blocks), fewBlocks)]
	}
	var lines []string
	shown := 0
	for i, b := range blocks {
		if i > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, s.block(part, b)...)
		shown += len(b)
	}
	lines = append(lines, s.leftOut("as expected", len(g.rows)-len(rows), len(g.columns)-len(part.columns))...)
	return append(lines, s.leftOut("with wrong flows", len(rows)-len(part.rows), len(part.columns)-shown)...)
}

func (s sheet) leftOut(what string, rows, cols int) []string {
	var parts []string
	if rows > 0 {
		parts = append(parts, plural(rows, "row"))
	}
	if cols > 0 {
		parts = append(parts, plural(cols, "column"))
	}
	if len(parts) == 0 {
		return nil
	}
	return []string{s.indent + s.dim(fmt.Sprintf("left out: %s %s", strings.Join(parts, " and "), what))}
}

// blocks splits the columns into runs that fit the width twice, side by side.
func (s sheet) blocks(g grid) [][]column {
	room := (s.width - len(s.indent) - s.label(g) - 2 - 3) / 2
	var blocks [][]column
	used := 0
	for _, c := range g.columns {
		w := c.width() + 2
		if len(blocks) == 0 || used+w > room {
			blocks = append(blocks, nil)
			used = 0
		}
		used += w
		blocks[len(blocks)-1] = append(blocks[len(blocks)-1], c)
	}
	return blocks
}

// label is the width of the rows' names.
func (s sheet) label(g grid) int {
	w := 0
	for _, r := range g.rows {
		w = max(w, columns(r.String()))
	}
	return w
}

func (c column) width() int {
	w := len("ALLOW!")
	for _, line := range c.heading() {
		w = max(w, columns(line))
	}
	return w
}

// block draws some columns of a grid, with their headings.
func (s sheet) block(g grid, cols []column) []string {
	label := s.label(g)
	half, height := 0, 0
	for _, c := range cols {
		half += c.width() + 2
		height = max(height, len(c.heading()))
	}
	lines := []string{s.row(label, "", s.bold(pad("expected", half)), s.bold("observed"))}
	for n := range height {
		var text strings.Builder
		for _, c := range cols {
			text.WriteString(pad(nth(c.heading(), n), c.width()+2))
		}
		lines = append(lines, s.row(label, "", text.String(), text.String()))
	}
	for _, r := range g.rows {
		expected, observed := s.halves(g, r, cols)
		lines = append(lines, s.row(label, r.String(), expected, observed))
	}
	return lines
}

func (s sheet) row(label int, name, expected, observed string) string {
	return strings.TrimRight(s.indent+pad(name, label)+"  "+expected+" "+observed, " ")
}

// halves are one row's expected and observed verdicts.
func (s sheet) halves(g grid, from flow.Endpoint, cols []column) (expected, observed string) {
	var left, right strings.Builder
	for _, c := range cols {
		v, ok := g.table[place{from, c[0]}]
		width := c.width() + 2
		if !ok {
			left.WriteString(pad("", width))
			right.WriteString(pad("", width))
			continue
		}
		left.WriteString(pad(expectedWord(v.expected), width))
		right.WriteString(s.observed(v, width))
	}
	return left.String(), right.String()
}

func expectedWord(v flow.Verdict) string {
	if v == flow.Undefined {
		return "-"
	}
	return v.String()
}

// observed shouts what is wrong, so that it is seen without colour too.
func (s sheet) observed(p pair, width int) string {
	word := p.observed.String()
	switch {
	case p.expected == flow.Undefined && p.bad == asExpected:
		word = expectedWord(p.expected) // it was not there to be tried
	case p.observed == flow.Unknown:
		word = "?"
	case p.observed == flow.OneWay:
		word = "1-way" // as wide as the others
	}
	fill := func(word string) string { return strings.Repeat(" ", max(0, width-columns(word))) }
	switch p.bad {
	case mismatch:
		word = strings.ToUpper(word) + "!"
		return s.bad(word) + fill(word)
	case doubtful:
		if p.observed != flow.Unknown {
			word += "?"
		}
		return s.warn(word) + fill(word)
	case asExpected, record:
	}
	return word + fill(word)
}

func nth(lines []string, n int) string {
	if n < len(lines) {
		return lines[n]
	}
	return ""
}
