package benchreport

import (
	"fmt"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/latency"
	"github.com/cniproof/cniproof/internal/report"
)

// ranks are the percentiles that reports show; the last is the maximum.
func ranks() []int { return []int{50, 90, 99, 100} }

func percentiles(d judge.Distribution) []string {
	var words []string
	for _, p := range ranks() {
		if len(d) == 0 {
			words = append(words, "-")
			continue
		}
		words = append(words, report.Short(d.Percentile(p)))
	}
	return words
}

// about are the lines that say how everything was measured.
func (r *Report) about() [][2]string {
	lines := [][2]string{
		{"measured", fmt.Sprintf("%s, each change %d times, every flow tried every %s", r.span(), r.Repeat, r.Interval)},
	}
	if r.Count(latency.Measured) > 0 {
		lines = append(lines, [2]string{"counted", "from the API's answer until every flow concerned had shown its new verdict (p50 to max), and until one was last seen with its old one (last)"})
	}
	if d := r.resolutions(); len(d) > 0 {
		lines = append(lines, [2]string{"reached", fmt.Sprintf("a resolution of %s in half of all cases, %s in 99 %%, %s at worst",
			report.Short(d.Percentile(50)), report.Short(d.Percentile(99)), report.Short(d.Percentile(100)))})
	}
	if d := r.lag(); len(d) > 0 {
		lines = append(lines, [2]string{"clocks", fmt.Sprintf("agents answered within %s in half of all cases, %s at worst: samples are dated at most that much too early",
			report.Short(d.Percentile(50)), report.Short(d.Percentile(100)))})
	}
	return lines
}

func (r *Report) span() string {
	return fmt.Sprintf("%s, %s long", r.Begin.UTC().Format("2006-01-02 15:04:05 UTC"), r.Took.Round(time.Second))
}

// resolutions are those of everything that was measured.
func (r *Report) resolutions() judge.Distribution {
	var list []time.Duration
	for _, m := range r.All() {
		if m.Result == latency.Measured {
			list = append(list, m.Resolution)
		}
	}
	return judge.NewDistribution(list)
}

// table is what a series came to. The first row is its head.
func table(s latency.Series) [][]string {
	rows := [][]string{{"change", "way", "times", "p50", "p90", "p99", "max", "last p50", "last max", "resolution"}}
	for _, r := range s.Rows() {
		last := percentiles(r.LastWrong)
		cells := []string{string(r.Kind), string(r.Way), fmt.Sprint(len(r.Settled))}
		cells = append(cells, percentiles(r.Settled)...)
		rows = append(rows, append(cells, seen(last[0], r.LastWrong.Percentile(50)), seen(last[3], r.LastWrong.Percentile(100)), percentiles(r.Resolution)[0]))
	}
	return rows
}

// seen is when a flow was last seen wrong.
func seen(word string, d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return word
}

// overview sets the series beside one another, by the percentile.
func (r *Report) overview(p int) [][]string {
	head := []string{"change", "way"}
	var changes []latency.Change
	cells := map[latency.Change][]string{}
	for n, s := range r.Series {
		head = append(head, s.Name())
		for _, row := range s.Rows() {
			if cells[row.Change] == nil {
				changes = append(changes, row.Change)
				cells[row.Change] = make([]string, len(r.Series))
			}
			if len(row.Settled) > 0 {
				cells[row.Change][n] = report.Short(row.Settled.Percentile(p))
			}
		}
	}
	rows := [][]string{head}
	for _, c := range changes {
		row := []string{string(c.Kind), string(c.Way)}
		for _, cell := range cells[c] {
			if cell == "" {
				cell = "-"
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return rows
}

// troubles are the reasons for what is missing, with how often each was met.
func troubles(s latency.Series) []string {
	var list []string
	if s.Trouble != "" {
		list = append(list, "ended early: "+s.Trouble)
	}
	counts, order := map[string]int{}, []string{}
	for _, m := range s.Measurements {
		if m.Result == latency.Measured {
			continue
		}
		text := fmt.Sprintf("%s, %s: %s", m.Result, m.Change, m.Reason)
		if counts[text]++; counts[text] == 1 {
			order = append(order, text)
		}
	}
	for _, text := range order {
		list = append(list, fmt.Sprintf("%d x %s", counts[text], text))
	}
	return list
}
