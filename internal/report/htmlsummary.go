package report

import (
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
)

// group is some rows or columns of a grid that do not contradict each other, with
// what is known of any of them, by the number of the column or row. A pod has no flow
// to itself, which contradicts nothing.
type group struct {
	members []int
	cells   map[int]pair
}

// grouped puts each of n lines into the first group that it fits.
func grouped(n int, cells func(int) map[int]pair) []group {
	var all []group
	for i := range n {
		line := cells(i)
		at := slices.IndexFunc(all, func(g group) bool { return compatible(g.cells, line) })
		if at < 0 {
			at, all = len(all), append(all, group{cells: map[int]pair{}})
		}
		all[at].members = append(all[at].members, i)
		for k, v := range line {
			all[at].cells[k] = v
		}
	}
	return all
}

func compatible(a, b map[int]pair) bool {
	for k, v := range b {
		if w, ok := a[k]; ok && w != v {
			return false
		}
	}
	return true
}

// summary is the grid with rows and columns that are alike in one: a table in which
// nothing is wrong is read for what it comes to.
func (g grid) summary() sideView {
	rows := grouped(len(g.rows), func(i int) map[int]pair {
		line := map[int]pair{}
		for k, c := range g.columns {
			if p, ok := g.table[place{g.rows[i], c[0]}]; ok {
				line[k] = p
			}
		}
		return line
	})
	columns := grouped(len(g.columns), func(k int) map[int]pair {
		line := map[int]pair{}
		for i, r := range rows {
			if p, ok := r.cells[k]; ok {
				line[i] = p
			}
		}
		return line
	})
	v := sideView{Title: "expected, and observed"}
	for _, c := range columns {
		v.Heads = append(v.Heads, g.headOf(c.members))
	}
	for i, r := range rows {
		var names []string
		for _, m := range r.members {
			names = append(names, g.rows[m].String())
		}
		v.Rows = append(v.Rows, newRow(strings.Join(names, ", "), len(columns), func(k int) (pair, bool) {
			p, ok := columns[k].cells[i]
			return p, ok
		}, observedCell))
	}
	return v
}

// headOf names columns that are alike: the destinations, then the ports where they
// are the same for all.
func (g grid) headOf(members []int) string {
	var names, ports, both []string
	for _, m := range members {
		c := g.columns[m]
		words := make([]string, len(c))
		for i, t := range c {
			words[i] = flow.Port{Number: t.port, Protocol: t.proto}.String()
		}
		port := factor(words, "/", ",")
		names = append(names, c[0].to.String())
		both = append(both, names[len(names)-1]+" "+port)
		if !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	if len(ports) == 1 {
		return strings.Join(names, ", ") + "\n" + ports[0]
	}
	return strings.Join(both, "\n")
}
