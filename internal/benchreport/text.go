package benchreport

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cniproof/cniproof/internal/report"
)

// Formats are the formats of reports.
func Formats() []string { return []string{"text", "json", "markdown"} }

// Write writes the report in one of Formats.
func Write(w io.Writer, r *Report, format string) error {
	var text string
	switch format {
	case "text":
		text = r.text()
	case "markdown":
		text = r.markdown()
	case "json":
		return writeJSON(w, r)
	default:
		return fmt.Errorf("writing the latencies: there is no format %q, only %s", format, strings.Join(Formats(), ", "))
	}
	_, err := io.WriteString(w, text)
	return err
}

// most is how many reasons for what is missing a text shows of each series.
const most = 5

func (r *Report) text() string {
	var b strings.Builder
	if r.Cluster.Provider != "" {
		b.WriteString(report.Header(report.Input{Tool: r.Tool, Cluster: r.Cluster}, report.Options{}))
	}
	for _, l := range r.about() {
		fmt.Fprintf(&b, "%-10s %s\n", l[0], l[1])
	}
	for _, s := range r.Series {
		fmt.Fprintf(&b, "\nbeside it: %s\n", s.Name())
		if len(s.Measurements) > 0 {
			aligned(&b, table(s), 2)
		}
		reasons := troubles(s)
		for _, reason := range reasons[:min(len(reasons), most)] {
			fmt.Fprintf(&b, "  ! %s\n", reason)
		}
		if more := len(reasons) - most; more > 0 {
			fmt.Fprintf(&b, "  ! and %d more reasons: see the JSON report\n", more)
		}
	}
	if len(r.Series) > 1 {
		for _, p := range []int{50, 99} {
			fmt.Fprintf(&b, "\np%d\n", p)
			aligned(&b, r.overview(p), 2)
		}
	}
	fmt.Fprintf(&b, "\nRESULT     %s\n", r.Conclusion())
	return b.String()
}

// aligned writes a table whose first cells are words and whose others are numbers.
func aligned(b *strings.Builder, rows [][]string, words int) {
	left := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.DiscardEmptyColumns)
	widths := make([]int, words)
	for _, row := range rows {
		for i := range words {
			widths[i] = max(widths[i], len(row[i]))
		}
	}
	for _, row := range rows {
		_, _ = fmt.Fprint(left, "  ")
		for i := range words {
			_, _ = fmt.Fprintf(left, "%-*s  ", widths[i], row[i])
		}
		_, _ = fmt.Fprintln(left, "\t"+strings.Join(row[words:], "\t")+"\t")
	}
	_ = left.Flush() // into memory
}

func (r *Report) markdown() string {
	var b strings.Builder
	input := report.NewDocument(report.Input{Tool: r.Tool, Cluster: r.Cluster})
	fmt.Fprintf(&b, "# Latency: %s\n\n", strings.TrimSpace(input.Implementation.Name+" "+input.Implementation.Version))
	fmt.Fprintf(&b, "- cniproof %s on %s, Kubernetes %s, %d nodes\n", r.Tool, r.Cluster.Provider, r.Cluster.Kubernetes, r.Cluster.Nodes)
	if len(r.Cluster.Faults) > 0 {
		fmt.Fprintf(&b, "- faults planted on purpose: %s\n", strings.Join(r.Cluster.Faults, ", "))
	}
	for _, l := range r.about() {
		fmt.Fprintf(&b, "- %s: %s\n", l[0], l[1])
	}
	for _, s := range r.Series {
		fmt.Fprintf(&b, "\n## Beside it: %s\n\n", s.Name())
		if len(s.Measurements) > 0 {
			tabled(&b, table(s))
		}
		for _, reason := range troubles(s) {
			fmt.Fprintf(&b, "\n- %s", report.Escape(reason))
		}
	}
	if len(r.Series) > 1 {
		for _, p := range []int{50, 99} {
			fmt.Fprintf(&b, "\n## p%d by what is beside it\n\n", p)
			tabled(&b, r.overview(p))
		}
	}
	fmt.Fprintf(&b, "\n**%s**\n", report.Escape(r.Conclusion()))
	return b.String()
}

func tabled(b *strings.Builder, rows [][]string) {
	for n, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
		if n == 0 {
			fmt.Fprintf(b, "|%s\n", strings.Join(append(slices.Repeat([]string{"---|"}, 2), slices.Repeat([]string{"---:|"}, len(row)-2)...), ""))
		}
	}
}
