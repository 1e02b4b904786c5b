package report

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/cniproof/cniproof/internal/judge"
)

// summaryLimit keeps a Markdown report below the 1 MiB that GitHub takes for the
// summary of a step: of one that is larger it shows nothing at all.
const summaryLimit = 1000 << 10

// writeMarkdown is a report as GitHub shows it, such as in a job's summary: what the
// run came to, what is wrong, then the rest folded away. What does not fit is left
// out scenario by scenario, and named.
func writeMarkdown(w io.Writer, in Input, o Options) error {
	s := Options{Verbose: o.Verbose}.style()
	head := s.markdownHead(in)
	tail := s.markdownTail(in)
	_, err := io.WriteString(w, head+s.markdownDetails(in, summaryLimit-len(head)-len(tail))+tail)
	return err
}

// markdownHead is what everybody wants to know.
func (s style) markdownHead(in Input) string {
	var b strings.Builder
	run := in.run()
	for _, line := range s.alarm(run.Preflight) {
		if line != "" {
			fmt.Fprintf(&b, "%s\n", escaped(line))
		}
	}
	fmt.Fprintf(&b, "\n## %s %s\n\n%s\n", markdownSign(in), escaped(judged(in.Cluster)), strong(verdict(in)))
	if text := commonTo(run); text != "" {
		fmt.Fprintf(&b, "\n%s\n", escaped(text))
	}
	if len(in.Cluster.Faults) > 0 {
		fmt.Fprintf(&b, "\n%s\n", strong("Faults were planted on purpose: "+strings.Join(in.Cluster.Faults, ", ")+"."))
	}
	fmt.Fprintf(&b, "\n%s; cniproof %s; %s.\n", escaped(whereabouts(in.Cluster)), escaped(in.Tool), escaped(duration(run)))
	b.WriteString(markdownCounts(run))
	return strings.TrimLeft(b.String(), "\n")
}

func markdownSign(in Input) string {
	switch in.ExitCode() {
	case ExitPass:
		return "✓"
	case ExitFail:
		return "✗"
	}
	return "?"
}

func markdownCounts(r *judge.Run) string {
	sum := totals(r)
	var rows [][]string
	for _, l := range levels() {
		if c := sum.Levels[l]; c != (Counts{}) {
			rows = append(rows, countCells(string(l), c))
		}
	}
	if len(rows) > 1 {
		rows = append(rows, countCells("all", sum.Counts))
	}
	return markdownTable("---:", []string{"level", "pass", "fail", "inconclusive", "skipped", "recorded"}, rows)
}

func countCells(name string, c Counts) []string {
	cells := []string{name}
	for _, n := range []int{c.Pass, c.Fail, c.Inconclusive, c.Skipped, c.Recorded} {
		cells = append(cells, fmt.Sprint(n))
	}
	return cells
}

// markdownDetails has one fold for each scenario in trouble, and takes at most limit bytes.
func (s style) markdownDetails(in Input, limit int) string {
	list := worstFirst(in.run())
	if detailed(in.run()) == 1 && !s.verbose { // where nothing is enforced one stands for all
		list = list[:min(1, len(list))]
	}
	var b strings.Builder
	for i, sc := range list {
		d := fold(s.markdownTitle(in, sc), strings.Join(s.scenario(in, sc)[1:], "\n"))
		if b.Len()+len(d) > limit-leftOutLimit {
			b.WriteString(cutOff(list[i:]))
			break
		}
		b.WriteString(d)
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n### What is wrong\n\n" + b.String()
}

// leftOutLimit is kept free for the words about what is left out.
const leftOutLimit = 4 << 10

func cutOff(list []*judge.Scenario) string {
	names := make([]string, len(list))
	for i, sc := range list {
		names[i] = sc.Name
	}
	text := cut(some(names, 3*fewNames), leftOutLimit/4)
	return fmt.Sprintf("\n%s left out, because GitHub shows no more than 1 MiB: %s. The JSON report has them.\n",
		strong(plural(len(list), "scenario")), escaped(text))
}

func (s style) markdownTitle(in Input, sc *judge.Scenario) string {
	title := fmt.Sprintf("%s <b>%s</b> (%s)", html.EscapeString(mark(sc.Result)), html.EscapeString(plain(sc.Name)), sc.Level)
	if in.deviation(sc) != nil {
		return title + ": known deviation"
	}
	if sc.Reason == "" {
		return title
	}
	return title + ": " + html.EscapeString(cut(plain(sc.Reason), s.width))
}

// markdownTail is what is known, recorded, skipped and measured, and what to do next.
func (s style) markdownTail(in Input) string {
	run := in.run()
	var b strings.Builder
	b.WriteString(markdownDeviations(in))
	b.WriteString(markdownProfile(run))
	if lines := s.recorded(run); len(lines) > 0 {
		b.WriteString("\n" + fold(fmt.Sprintf("Recorded, not judged (%d)", run.Count(judge.Recorded)), within(lines[1:])))
	}
	if lines := s.skipped(run); len(lines) > 0 {
		b.WriteString("\n" + fold(fmt.Sprintf("Skipped (%d)", run.Count(judge.Skipped)), within(lines[1:])))
	}
	b.WriteString(markdownLatency(run))
	b.WriteString(markdownPromises(run))
	if lines := s.next(in); len(lines) > 0 {
		fmt.Fprintf(&b, "\nNext:\n\n%s", fenced(strings.Replace(lines[0], "next", "    ", 1)+"\n"+lines[1]))
	}
	return b.String()
}

// within keeps a list to a fifth of the limit: the lists may not crowd out what is wrong.
func within(lines []string) string {
	size := 0
	for i, line := range lines {
		if size += len(line) + 1; size > summaryLimit/5 {
			return strings.Join(lines[:i], "\n") + fmt.Sprintf("\n  and %s more, in the JSON report", plural(len(lines)-i, "line"))
		}
	}
	return strings.Join(lines, "\n")
}

func markdownDeviations(in Input) string {
	var rows [][]string
	for _, o := range in.occurrences() {
		if len(o.seen)+len(o.gone) > 0 {
			rows = append(rows, []string{
				escaped(o.Summary), linked(o.Link), escaped(some(o.seen, 3*fewNames)), escaped(some(o.gone, 3*fewNames)),
			})
		}
	}
	if len(rows) == 0 {
		return ""
	}
	return "\n### Known deviations\n" + markdownTable(":---", []string{"what", "see", "occurs in", "no longer occurs in"}, rows)
}

func markdownLatency(r *judge.Run) string {
	var rows [][]string
	for _, l := range latencyRows(r) {
		rows = append(rows, append([]string{l.name, fmt.Sprint(len(l.d))}, l.percentiles()...))
	}
	if len(rows) == 0 {
		return ""
	}
	return "\n### Latency\n" + markdownTable("---:", []string{"", "steps", "p50", "p90", "p99", "max"}, rows)
}

// markdownTable is a table of cells in Markdown, with a line before it; "" where it
// has no rows. All columns but the first are aligned as the rule says.
func markdownTable(rule string, head []string, rows [][]string) string {
	if len(rows) == 0 {
		return ""
	}
	line := func(cells []string) string {
		text := "|"
		for _, c := range cells {
			text += " " + strings.ReplaceAll(c, "|", `\|`) + " |"
		}
		return text + "\n"
	}
	text := "\n" + line(head) + "|---|" + strings.Repeat(rule+"|", len(head)-1) + "\n"
	for _, r := range rows {
		text += line(r)
	}
	return text
}

// fold is text that opens under its title, which is HTML.
func fold(title, text string) string {
	return fmt.Sprintf("<details><summary>%s</summary>\n\n%s\n</details>\n", title, fenced(text))
}

// fenced is text in which nothing is obeyed: its fence is longer than any in it.
func fenced(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "text\n" + undented(strings.Trim(text, "\n")) + "\n" + fence + "\n"
}

// undented is text without the blanks that all of its lines begin with.
func undented(text string) string {
	lines := strings.Split(text, "\n")
	least := len(text)
	for _, line := range lines {
		if line != "" {
			least = min(least, len(line)-len(strings.TrimLeft(line, " ")))
		}
	}
	for i, line := range lines {
		lines[i] = line[min(least, len(line)):]
	}
	return strings.Join(lines, "\n")
}

// linked is an address as a link, and everything else as text.
func linked(address string) string {
	if !strings.HasPrefix(address, "https://") || strings.ContainsAny(address, " <>\n") {
		return escaped(address)
	}
	return "<" + address + ">"
}

func strong(text string) string { return "**" + escaped(text) + "**" }

// Escape makes text show in Markdown as it is.
func Escape(text string) string { return escaped(text) }

// escaped is text on one line that Markdown shows as it is. Addresses stay links.
func escaped(text string) string {
	return strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`, "<", "&lt;", ">", "&gt;", "&", "&amp;",
	).Replace(plain(text))
}
