package report

import (
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// pair is what a matrix says of one flow, or of several that are alike.
type pair struct {
	expected, observed flow.Verdict
	bad                class // asExpected, mismatch or doubtful
}

// target is a column before columns are merged.
type target struct {
	to    flow.Endpoint
	port  uint16
	proto flow.Protocol
}

type place struct {
	from flow.Endpoint
	to   target
}

// path is one way to reach a destination.
type path struct {
	via    flow.Via
	family flow.Family
}

// plane is the matrix of the paths over which everything is alike.
type plane struct {
	paths []path
	table map[place]pair
}

// planes splits a step's table by path, and merges the paths that agree on all
// flows which they have in common.
func planes(s *judge.Scenario, step *judge.Step) []plane {
	byPath := map[path]map[place]pair{}
	var paths []path
	for _, c := range step.Cells {
		p := path{c.Flow.Via, c.Flow.Family}
		if byPath[p] == nil {
			byPath[p] = map[place]pair{}
			paths = append(paths, p)
		}
		at := place{c.Flow.Source, target{c.Flow.Destination, c.Flow.Port, c.Flow.Protocol}}
		byPath[p][at] = pair{c.Expected, c.Observed, classify(s, step, c)}
	}
	slices.SortFunc(paths, comparePaths)
	var merged []plane
	for _, p := range paths {
		merged = addPath(merged, p, byPath[p])
	}
	return merged
}

func comparePaths(a, b path) int {
	if a.family != b.family {
		return int(a.family) - int(b.family)
	}
	return int(a.via) - int(b.via)
}

func addPath(all []plane, p path, table map[place]pair) []plane {
	for i := range all {
		if agree(all[i].table, table) {
			all[i].paths = append(all[i].paths, p)
			for at, v := range table {
				all[i].table[at] = v
			}
			return all
		}
	}
	return append(all, plane{[]path{p}, table})
}

func agree(a, b map[place]pair) bool {
	for at, v := range b {
		if w, ok := a[at]; ok && w != v {
			return false
		}
	}
	return true
}

// troubled reports whether anything in the plane is not as expected.
func (p plane) troubled() bool {
	for _, v := range p.table {
		if v.bad == mismatch || v.bad == doubtful {
			return true
		}
	}
	return false
}

func (p plane) caption() string {
	words := make([]string, len(p.paths))
	for i, v := range p.paths {
		words[i] = v.via.String() + "/" + v.family.String()
	}
	return factor(words, "; ", ", ")
}

// grid is a plane laid out.
type grid struct {
	rows    []flow.Endpoint
	columns []column
	table   map[place]pair
}

// column is one destination with the ports on which it is alike for every row.
type column []target

func (p plane) grid() grid {
	g := grid{table: p.table}
	var targets []target
	for at := range p.table {
		if !slices.Contains(g.rows, at.from) {
			g.rows = append(g.rows, at.from)
		}
		if !slices.Contains(targets, at.to) {
			targets = append(targets, at.to)
		}
	}
	slices.SortFunc(g.rows, func(a, b flow.Endpoint) int {
		return flow.Compare(flow.Flow{Source: a}, flow.Flow{Source: b})
	})
	slices.SortFunc(targets, func(a, b target) int {
		return flow.Compare(flow.Flow{Destination: a.to, Port: a.port, Protocol: a.proto},
			flow.Flow{Destination: b.to, Port: b.port, Protocol: b.proto})
	})
	for _, t := range targets {
		g.addTarget(t)
	}
	return g
}

func (g *grid) addTarget(t target) {
	for i, c := range g.columns {
		if c[0].to == t.to && g.alike(c[0], t) {
			g.columns[i] = append(c, t)
			return
		}
	}
	g.columns = append(g.columns, column{t})
}

func (g *grid) alike(a, b target) bool {
	for _, r := range g.rows {
		v, inA := g.table[place{r, a}]
		w, inB := g.table[place{r, b}]
		if v != w || inA != inB {
			return false
		}
	}
	return true
}

func (g grid) troubled(r flow.Endpoint, c column) bool {
	v := g.table[place{r, c[0]}]
	return v.bad == mismatch || v.bad == doubtful
}

// concerned is the part of the grid whose columns hold trouble, and whose rows do
// too. Where there are at most context rows the others are kept for comparison.
func (g grid) concerned(context int) grid {
	part := grid{table: g.table}
	for _, c := range g.columns {
		if slices.ContainsFunc(g.rows, func(r flow.Endpoint) bool { return g.troubled(r, c) }) {
			part.columns = append(part.columns, c)
		}
	}
	for _, r := range g.rows {
		if len(g.rows) <= context && g.filled(r, part.columns) ||
			slices.ContainsFunc(part.columns, func(c column) bool { return g.troubled(r, c) }) {
			part.rows = append(part.rows, r)
		}
	}
	return part
}

// filled reports whether the row has anything in the columns.
func (g grid) filled(r flow.Endpoint, cols []column) bool {
	return slices.ContainsFunc(cols, func(c column) bool {
		_, ok := g.table[place{r, c[0]}]
		return ok
	})
}

// heading is the destination, then the numbers, then the protocols, one below the other.
func (c column) heading() []string {
	words := make([]string, len(c))
	for i, t := range c {
		words[i] = flow.Port{Number: t.port, Protocol: t.proto}.String()
	}
	lines := []string{c[0].to.String()}
	if at := strings.IndexByte(lines[0], '/') + 1; at > 0 && columns(lines[0]) > 10 {
		lines = []string{lines[0][:at], lines[0][at:]}
	}
	if product := factor(words, "/", " "); strings.Count(product, "/") == 1 {
		numbers, protocols, _ := strings.Cut(product, "/")
		return append(append(lines, wrap("", numbers, 8)...), wrap("", protocols, 8)...)
	}
	return append(lines, words...)
}
