package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/cniproof/cniproof/internal/judge"
)

// Formats are the words for -o of a diff.
func Formats() []string { return []string{"text", "markdown", "json"} }

// MatrixFormats are those for -o of a matrix.
func MatrixFormats() []string { return append(Formats(), "html") }

// WriteMatrix writes a matrix in one of MatrixFormats.
func WriteMatrix(w io.Writer, m Matrix, format string) error {
	if format == "html" {
		return writeHTML(w, m)
	}
	return write(w, m, format, func(t table) {
		t.row(append([]string{""}, columns(m.Subjects)...)...)
		for _, count := range counts() {
			cells := []string{count.name}
			for _, s := range m.Subjects {
				cells = append(cells, fmt.Sprint(count.of(s.Counts)))
			}
			t.row(cells...)
		}
		title := ""
		for _, r := range m.Rows {
			if now := r.section(); now != title {
				title = now
				t.title(title)
				t.row(append([]string{"scenario"}, columns(m.Subjects)...)...)
			}
			t.row(r.words()...)
		}
	})
}

// section is the title under which a row stands.
func (r Row) section() string {
	if r.Differs {
		return "they differ"
	}
	return r.Topic
}

func (r Row) words() []string {
	list := []string{fmt.Sprintf("%s (%s)", r.Scenario, r.Level)}
	for _, c := range r.Cells {
		list = append(list, c.word())
	}
	return list
}

func columns(subjects []Subject) []string {
	list := make([]string, len(subjects))
	for i, s := range subjects {
		list[i] = s.String()
		if !s.Complete {
			list[i] += " (INCOMPLETE)"
		}
	}
	return list
}

func (c Cell) word() string {
	if c.Result == judge.Fail && c.KnownDeviation != "" {
		return "✗ known deviation"
	}
	return word(c.Result)
}

func word(r judge.Result) string {
	switch r {
	case judge.Pass:
		return "✓ pass"
	case judge.Fail:
		return "✗ FAIL"
	case judge.Inconclusive:
		return "? inconclusive"
	case judge.Skipped:
		return "- skipped"
	case judge.Recorded:
		return "· recorded"
	default:
		return "not in this run"
	}
}

// WriteDiff writes a diff in one of Formats.
func WriteDiff(w io.Writer, d Diff, format string) error {
	return write(w, d, format, func(t table) {
		t.row("before", d.Before.String(), d.Before.Began)
		t.row("after", d.After.String(), d.After.Began)
		t.changes("regressions", d.Regressions)
		t.changes("judged now, and wrong or inconclusive", d.Broken)
		t.changes("not judged any more", d.Unjudged)
		t.changes("fixes", d.Fixes)
		t.changes("other changes", d.Other)
		if len(d.Recorded) > 0 {
			t.title("recorded behaviours that changed")
			t.row("scenario", "step", "flow", "before", "after")
			for _, b := range d.Recorded {
				t.row(b.Scenario, b.Step, b.Flow, b.Before, b.After)
			}
		}
		if len(d.Latency) > 0 {
			t.title("latency that changed beyond noise")
			t.row("kind", "steps", "of them slower", "median before", "median after")
			for _, l := range d.Latency {
				t.row(l.Kind, fmt.Sprint(l.Steps), fmt.Sprint(l.Slower), fmt.Sprintf("%.0f ms", l.Before), fmt.Sprintf("%.0f ms", l.After))
			}
		}
		t.title(d.verdict())
	})
}

func (d Diff) verdict() string {
	switch {
	case !d.After.Complete:
		return "REGRESSED: the later run is not complete"
	case d.Regressed():
		return fmt.Sprintf("REGRESSED: %d worse, %d not judged any more", len(d.Regressions)+len(d.Broken), len(d.Unjudged))
	}
	return fmt.Sprintf("no regression; %d fixed", len(d.Fixes))
}

func (t table) changes(title string, list []Change) {
	if len(list) == 0 {
		return
	}
	t.title(title)
	t.row("scenario", "before", "after", "why")
	for _, c := range list {
		t.row(c.Scenario, word(c.Before), word(c.After), c.Reason)
	}
}

// table takes what a person reads. A row that follows a title is the head of what
// comes after it.
type table struct {
	title func(string)
	row   func(...string)
}

func write(w io.Writer, v any, format string, fill func(table)) error {
	var b strings.Builder
	switch format {
	case "json":
		text, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return fmt.Errorf("writing JSON: %w", err)
		}
		b.Write(append(text, '\n'))
	case "markdown":
		fill(markdown(&b))
	case "text":
		tabs := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fill(plain(tabs))
		_ = tabs.Flush() // into memory
	default:
		return fmt.Errorf("-o: there is no format %q, only %s", format, strings.Join(Formats(), ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func plain(w io.Writer) table {
	return table{
		title: func(text string) { _, _ = fmt.Fprintf(w, "\n%s\n", text) },
		row:   func(cells ...string) { _, _ = fmt.Fprintf(w, "  %s\n", strings.Join(cells, "\t")) },
	}
}

func markdown(w io.Writer) table {
	head := true
	return table{
		title: func(text string) {
			head = true
			_, _ = fmt.Fprintf(w, "\n### %s\n", text)
		},
		row: func(cells ...string) {
			for i := range cells {
				cells[i] = strings.ReplaceAll(strings.ReplaceAll(cells[i], "|", "\\|"), "\n", " ")
			}
			if head {
				_, _ = fmt.Fprintln(w)
			}
			_, _ = fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
			if head {
				_, _ = fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(cells)))
			}
			head = false
		},
	}
}
