package vigil

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// mark is what a second of a group of flows shows: the most serious thing in it.
type mark uint8

const (
	markNone mark = iota
	markRight
	markNothing
	markLost
	markUntold
	markDisruption
	markLeak
)

// Symbol is the mark in a timeline.
func (m mark) Symbol() string {
	return [...]string{" ", "·", "·", ",", "?", "X", "!"}[m]
}

// Lines is the timeline: a row for each group of flows, a column for each second. It
// remembers the last ones only.
type Lines struct {
	begin  time.Time
	groups []lineGroup
	of     []int // by flow: its group; -1 for none
}

type lineGroup struct {
	Name  string
	Flows int
	cells map[int]mark
}

// remembered is how many seconds a timeline keeps.
const remembered = 600

// NewLines makes groups: flows of one verdict and path, on one node or across.
func NewLines(flows []flow.Flow, expected []flow.Verdict, nodes map[flow.Endpoint]int, begin time.Time) *Lines {
	l := &Lines{begin: begin, of: make([]int, len(flows))}
	names := make([]string, len(flows))
	for i, f := range flows {
		names[i] = groupName(f, expected[i], nodes)
	}
	order := slices.Compact(slices.Sorted(slices.Values(names)))
	for _, name := range order {
		if name != "" {
			l.groups = append(l.groups, lineGroup{Name: name, cells: map[int]mark{}})
		}
	}
	for i, name := range names {
		l.of[i] = slices.IndexFunc(l.groups, func(g lineGroup) bool { return g.Name == name })
		if l.of[i] >= 0 {
			l.groups[l.of[i]].Flows++
		}
	}
	return l
}

func groupName(f flow.Flow, expected flow.Verdict, nodes map[flow.Endpoint]int) string {
	word := map[flow.Verdict]string{flow.Allow: "allowed", flow.Deny: "denied"}[expected]
	if word == "" {
		return ""
	}
	where := "outside"
	if from, to := nodes[f.Source], nodes[f.Destination]; from > 0 && to > 0 {
		where = "same node"
		if from != to {
			where = "cross node"
		}
	}
	if f.Destination.Kind == flow.KindDNS {
		where = "DNS"
	}
	return fmt.Sprintf("%s, %s, %s", word, where, f.Via)
}

// second is the column of a time.
func (l *Lines) second(at time.Time) int { return int(max(0, at.Sub(l.begin)) / time.Second) }

func (l *Lines) mark(i int, at time.Time, m mark) { l.span(i, at, at, m) }

func (l *Lines) span(i int, from, to time.Time, m mark) {
	if l == nil || l.of[i] < 0 {
		return
	}
	g := &l.groups[l.of[i]]
	last := l.second(to)
	for s := max(l.second(from), last-remembered); s <= last; s++ {
		if m > g.cells[s] {
			g.cells[s] = m
		}
		delete(g.cells, s-remembered)
	}
}

// Row is a group with the symbols of its last columns.
type Row struct {
	Name  string
	Flows int
	Cells []string
}

// Rows are the last columns up to a time, oldest first.
func (l *Lines) Rows(now time.Time, columns int) []Row {
	last := l.second(now)
	first := max(0, last-max(1, columns)+1)
	rows := make([]Row, len(l.groups))
	for n, g := range l.groups {
		rows[n] = Row{Name: g.Name, Flows: g.Flows}
		for s := first; s <= last; s++ {
			rows[n].Cells = append(rows[n].Cells, g.cells[s].Symbol())
		}
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.Name, b.Name) })
	return rows
}

// Legend explains the symbols.
const Legend = "· right   , a probe lost   X disruption: an allowed flow closed   ! leak: a denied flow open   ? could not tell"
