package report

import (
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// Expected draws the expected half of a table: sources as rows, destinations as
// columns, once for all paths and families that agree. Each line ends in a newline.
func Expected(cells []judge.Cell, o Options) string {
	s := sheet{style: o.style(), indent: "  "}
	var lines []string
	all := planes(&judge.Scenario{}, &judge.Step{Cells: cells})
	for _, p := range all {
		if len(all) > 1 {
			lines = append(lines, s.indent+s.dim("via "+p.caption()))
		}
		lines = append(lines, s.expected(p.grid())...)
	}
	return strings.Join(lines, "\n") + "\n"
}

// expected draws a whole grid, in as many blocks as the width asks for.
func (s sheet) expected(g grid) []string {
	label, room := s.label(g), s.width-len(s.indent)-s.label(g)-2
	var lines []string
	for rest := g.columns; len(rest) > 0; {
		n, used := 0, 0
		for n < len(rest) && (n == 0 || used+rest[n].width()+2 <= room) {
			used += rest[n].width() + 2
			n++
		}
		lines = append(lines, s.expectedBlock(g, label, rest[:n])...)
		rest = rest[n:]
	}
	return lines
}

func (s sheet) expectedBlock(g grid, label int, cols []column) []string {
	height := 0
	for _, c := range cols {
		height = max(height, len(c.heading()))
	}
	var lines []string
	for n := range height {
		var text strings.Builder
		for _, c := range cols {
			text.WriteString(pad(nth(c.heading(), n), c.width()+2))
		}
		lines = append(lines, s.row(label, "", text.String(), ""))
	}
	for _, from := range g.rows {
		lines = append(lines, s.row(label, from.String(), s.expectedRow(g, from, cols), ""))
	}
	return lines
}

func (s sheet) expectedRow(g grid, from flow.Endpoint, cols []column) string {
	var text strings.Builder
	for _, c := range cols {
		word := ""
		if v, ok := g.table[place{from, c[0]}]; ok {
			word = expectedWord(v.expected)
		}
		text.WriteString(pad(word, c.width()+2))
	}
	return text.String()
}
