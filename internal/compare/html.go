package compare

import (
	_ "embed" // for the assets
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/page"
	"github.com/cniproof/cniproof/internal/report"
)

//go:embed html/matrix.tmpl
var htmlBody string

//go:embed html/matrix.css
var htmlStyle string

// matrixView is what the template shows of a matrix.
type matrixView struct {
	Title    string
	Heads    []headView // CNIs, each over the versions of Kubernetes that follow each other
	Subjects []subjectView
	Counts   []countView
	Features []featureView
	Groups   []groupView
	Results  []choiceView
	Selects  []selectView
	Differ   int
	Width    int // columns in all
}

type headView struct {
	Name  string
	Width int
}

type subjectView struct {
	Subject
	First bool // of its CNI
}

// Name is for the template.
func (s subjectView) Name() string { return s.name() }

// Day is when the run began, to the minute.
func (s subjectView) Day() string {
	began, err := time.Parse(time.RFC3339, s.Began)
	if err != nil {
		return s.Began
	}
	return began.UTC().Format("2006-01-02 15:04 UTC")
}

type countView struct {
	Name  string
	Cells []int
}

// featureView is how many of a feature's scenarios each run got right, of those that it judged.
type featureView struct {
	Name  string
	Cells []shareView
}

type shareView struct {
	Right, Judged int
	Result        judge.Result
	First         bool
}

type groupView struct {
	Title, Means string
	Rows         []rowView
}

type rowView struct {
	Row
	Results string // of all cells, and "differs"
	Words   []cellView
}

type cellView struct {
	Cell
	Class, Word string
	First, Full bool // the first of its CNI; with its reason in sight
}

type choiceView struct{ Value, Class, Word string }

type selectView struct {
	Name   string
	Values []string
}

// writeHTML writes a matrix as one file that needs no network.
func writeHTML(w io.Writer, m Matrix) error {
	v := newMatrixView(m)
	return page.Page{Title: v.Title, Tool: m.tool(), Style: htmlStyle, Body: htmlBody, Data: v}.Write(w)
}

// tool names the versions of cniproof that made the reports.
func (m Matrix) tool() string {
	var list []string
	for _, s := range m.Subjects {
		if !slices.Contains(list, s.Tool) {
			list = append(list, s.Tool)
		}
	}
	return strings.Join(list, ", ")
}

func newMatrixView(m Matrix) matrixView {
	v := matrixView{
		Title: fmt.Sprintf("NetworkPolicy on %d clusters", len(m.Subjects)), Heads: heads(m.Subjects), Width: len(m.Subjects) + 1,
		Counts: countViews(m.Subjects), Features: features(m),
	}
	if len(m.Subjects) == 1 {
		v.Title = "NetworkPolicy on " + m.Subjects[0].String()
	}
	for i, s := range m.Subjects {
		v.Subjects = append(v.Subjects, subjectView{s, isFirst(m.Subjects, i)})
	}
	for _, row := range m.Rows {
		if row.Differs {
			v.Differ++
		}
		title := row.section()
		if len(v.Groups) == 0 || v.Groups[len(v.Groups)-1].Title != title {
			v.Groups = append(v.Groups, groupView{Title: title})
		}
		group := &v.Groups[len(v.Groups)-1]
		group.Rows = append(group.Rows, newRowView(m.Subjects, row))
	}
	v.Results, v.Selects = choices(m), selects(m)
	return v
}

// heads join the columns that stand beside each other and have one CNI.
func heads(subjects []Subject) []headView {
	var list []headView
	for i, s := range subjects {
		if isFirst(subjects, i) {
			list = append(list, headView{Name: s.name()})
		}
		list[len(list)-1].Width++
	}
	return list
}

func isFirst(subjects []Subject, i int) bool {
	return i == 0 || subjects[i].name() != subjects[i-1].name()
}

func countViews(subjects []Subject) []countView {
	var list []countView
	for _, count := range counts() {
		c := countView{Name: count.name}
		for _, s := range subjects {
			c.Cells = append(c.Cells, count.of(s.Counts))
		}
		if slices.Max(c.Cells) > 0 {
			list = append(list, c)
		}
	}
	return list
}

// features are by name; one that no run judged anything of is left out.
func features(m Matrix) []featureView {
	byName := map[string][]shareView{}
	for _, row := range m.Rows {
		for _, name := range row.Features {
			if byName[name] == nil {
				byName[name] = make([]shareView, len(m.Subjects))
			}
			for i, c := range row.Cells {
				byName[name][i].add(c)
				byName[name][i].First = isFirst(m.Subjects, i)
			}
		}
	}
	var list []featureView
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if slices.ContainsFunc(byName[name], func(s shareView) bool { return s.Judged > 0 }) {
			list = append(list, featureView{name, byName[name]})
		}
	}
	return list
}

// add counts what was scored. One failure makes a feature a failing one; what could
// not be told leaves it open.
func (s *shareView) add(c Cell) {
	switch c.Result {
	case judge.Pass:
		s.Right++
		s.Judged++
		if s.Result == "" {
			s.Result = judge.Pass
		}
	case judge.Fail:
		s.Judged++
		s.Result = judge.Fail
	case judge.Inconclusive:
		s.Judged++
		if s.Result != judge.Fail {
			s.Result = judge.Inconclusive
		}
	case judge.Skipped, judge.Recorded:
	}
}

func newRowView(subjects []Subject, row Row) rowView {
	v := rowView{Row: row}
	seen := map[string]bool{"differs": row.Differs, "same": !row.Differs}
	for i, c := range row.Cells {
		class := string(c.Result)
		seen[class] = class != ""
		v.Words = append(v.Words, cellView{
			Cell: c, Class: class, Word: c.word(), First: isFirst(subjects, i),
			Full: row.Differs && c.Reason != "" || c.Result == judge.Fail || c.Result == judge.Inconclusive,
		})
	}
	var words []string
	for _, word := range slices.Sorted(maps.Keys(seen)) {
		if seen[word] {
			words = append(words, word)
		}
	}
	v.Results = strings.Join(words, " ")
	return v
}

// choices are the results that occur, and whether clusters differ.
func choices(m Matrix) []choiceView {
	var list []choiceView
	if slices.ContainsFunc(m.Rows, func(r Row) bool { return r.Differs }) {
		list = append(list, choiceView{"differs", "", "they differ"})
	}
	for _, result := range []judge.Result{judge.Fail, judge.Inconclusive, judge.Pass, judge.Recorded, judge.Skipped} {
		occurs := func(r Row) bool {
			return slices.ContainsFunc(r.Cells, func(c Cell) bool { return c.Result == result })
		}
		if slices.ContainsFunc(m.Rows, occurs) {
			list = append(list, choiceView{string(result), string(result), word(result)})
		}
	}
	return list
}

func selects(m Matrix) []selectView {
	levels, topics, names := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, r := range m.Rows {
		levels[string(r.Level)], topics[r.Topic] = true, true
		for _, f := range r.Features {
			names[f] = true
		}
	}
	var list []selectView
	for _, s := range []struct {
		name string
		of   map[string]bool
	}{{"level", levels}, {"topic", topics}, {"feature", names}} {
		delete(s.of, "")
		if len(s.of) > 1 {
			list = append(list, selectView{s.name, slices.Sorted(maps.Keys(s.of))})
		}
	}
	return list
}

// counts are the numbers of scenarios by result, in the order in which they are shown.
func counts() []namedCount {
	return []namedCount{
		{"pass", func(c report.Counts) int { return c.Pass }},
		{"fail", func(c report.Counts) int { return c.Fail }},
		{"inconclusive", func(c report.Counts) int { return c.Inconclusive }},
		{"skipped", func(c report.Counts) int { return c.Skipped }},
		{"recorded", func(c report.Counts) int { return c.Recorded }},
	}
}

type namedCount struct {
	name string
	of   func(report.Counts) int
}
