package report

import (
	"fmt"

	"github.com/cniproof/cniproof/internal/judge"
)

// PromiseEntry is what the run tried of one behaviour that every implementation is held to.
type PromiseEntry struct {
	// Behaviour as docs/semantics.md has it.
	Behaviour string `json:"behaviour"`
	// Apart is why a run has the scenarios only where they are asked for, else "".
	Apart string `json:"apart"`
	// Scenarios that show the behaviour and were judged, whatever they came to.
	Scenarios []string `json:"scenarios"`
	// Along are the values of all axes that the cluster has.
	Along []TriedEntry `json:"along"`
}

// TriedEntry is how often a behaviour was tried along one value of an axis.
type TriedEntry struct {
	// Axis is via, family, protocol, placement or direction.
	Axis string `json:"axis"`
	// Value on the axis.
	Value string `json:"value"`
	// Scenarios in which a flow of this value was to be denied.
	Scenarios int `json:"scenarios"`
	// Without is why the behaviour need not be tried along the value, else "".
	Without string `json:"without"`
}

func promiseEntries(r *judge.Run) []PromiseEntry {
	entries := []PromiseEntry{}
	for _, p := range r.Promises {
		e := PromiseEntry{Behaviour: p.Behaviour, Apart: p.Apart, Scenarios: list(p.Scenarios), Along: []TriedEntry{}}
		for _, t := range p.Along {
			e.Along = append(e.Along, TriedEntry(t))
		}
		entries = append(entries, e)
	}
	return entries
}

// promises says how many of them were tried, how many along every axis, and how many
// only a run of another kind tries; "" where none was.
func promises(r *judge.Run) string {
	tried, whole, apart := 0, 0, 0
	for _, p := range r.Promises {
		switch {
		case len(p.Scenarios) == 0 && p.Apart != "":
			apart++
		case len(p.Scenarios) == 0:
		case len(p.Missing()) == 0:
			tried, whole = tried+1, whole+1
		default:
			tried++
		}
	}
	switch {
	case tried == 0:
		return ""
	case whole == tried && tried+apart == len(r.Promises) && apart > 0:
		return fmt.Sprintf("%d of %d tried, each along every axis of this cluster; what is left runs apart", tried, len(r.Promises))
	case whole == tried:
		return fmt.Sprintf("%d of %d tried, each along every axis of this cluster", tried, len(r.Promises))
	}
	return fmt.Sprintf("%d of %d tried, %d of them along every axis of this cluster", tried, len(r.Promises), whole)
}

// promiseHead names the columns of promiseViews: the values of all axes.
func promiseHead(r *judge.Run) []string {
	var head []string
	for _, t := range r.Promises[0].Along {
		head = append(head, t.Value)
	}
	return head
}

// promiseCell is the number of scenarios, or that there need be none.
func promiseCell(t judge.Tried) string {
	if t.Scenarios == 0 && t.Without != "" {
		return "–"
	}
	return fmt.Sprint(t.Scenarios)
}

func markdownPromises(r *judge.Run) string {
	text := promises(r)
	if text == "" {
		return ""
	}
	var rows [][]string
	for _, v := range promiseViews(r) {
		cells := []string{escaped(v.Behaviour)}
		for _, c := range v.Cells {
			cells = append(cells, c.Text)
		}
		rows = append(rows, cells)
	}
	table := markdownTable("---:", append([]string{"scenarios that try it, by axis"}, promiseHead(r)...), rows)
	return "\n<details><summary>Promises: " + text + "</summary>\n" + table + "\n</details>\n"
}

// promiseView is a row of the table of promises.
type promiseView struct {
	Behaviour string
	Cells     []promiseCellView
}

// promiseCellView is a cell; Title says more to who points at it.
type promiseCellView struct{ Class, Text, Title string }

func promiseViews(r *judge.Run) []promiseView {
	if promises(r) == "" {
		return nil
	}
	var views []promiseView
	for _, p := range r.Promises {
		v := promiseView{Behaviour: p.Behaviour}
		for _, t := range p.Along {
			cell := promiseCellView{Text: promiseCell(t), Title: t.Without}
			if t.Scenarios == 0 && t.Without == "" {
				cell.Class, cell.Title = "inconclusive", "not tried along "+t.Axis+" "+t.Value
			}
			v.Cells = append(v.Cells, cell)
		}
		views = append(views, v)
	}
	return views
}
