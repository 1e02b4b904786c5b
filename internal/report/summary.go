package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// Summary counts and measures the run, says what was recorded and skipped, and
// what to do next. It ends in a newline.
func Summary(in Input, o Options) string {
	s, r := o.style(), in.run()
	var lines []string
	lines = append(lines, section(s.profileTable(r))...)
	if s.verbose {
		lines = append(lines, section(s.recorded(r))...)
	}
	lines = append(lines, section(s.skipped(r))...)
	lines = append(lines, section(s.deviations(in))...)
	lines = append(lines, section(s.counts(r))...)
	lines = append(lines, section(s.latencies(r))...)
	if text := axes(r); text != "" {
		lines = append(lines, s.field("axes", text)...)
	}
	if text := promises(r); text != "" {
		lines = append(lines, s.field("promises", text)...)
	}
	if n := flaps(r); n > 0 {
		lines = append(lines, s.field("flaps", plural(n, "flow")+" did not stay as expected")...)
	}
	lines = append(lines, s.field("run", duration(r))...)
	if s.verbose {
		lines = append(lines, s.field("time", spent(r.Spent()))...)
	}
	lines = append(lines, s.outcome(in)...)
	lines = append(lines, s.bundles(in.Bundles)...)
	lines = append(lines, s.next(in)...)
	return strings.Join(lines, "\n") + "\n"
}

// section ends in an empty line, unless it is empty itself.
func section(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return append(lines, "")
}

// bundles says where to read on about failures.
func (s style) bundles(b Bundles) []string {
	if b.Written == 0 {
		return nil
	}
	text := fmt.Sprintf("a README and more for %s in %s", plural(b.Written, "failure"), plain(b.Path))
	if b.LeftOut > 0 {
		text += fmt.Sprintf("; %d more left out", b.LeftOut)
	}
	return s.field("bundles", text)
}

func duration(r *judge.Run) string {
	text := plural(len(r.Scenarios), "scenario") + " in " + short(r.Took)
	if r.Parallel > 1 {
		text += fmt.Sprintf(", %d at once", r.Parallel)
	}
	return text + fmt.Sprintf("; --seed %d repeats this order", r.Seed)
}

// spent shares the time of all stages out.
func spent(t judge.Spent) string {
	all := max(t.Deploying+t.API+t.Waiting+t.Holding, 1)
	share := func(d time.Duration) string { return fmt.Sprintf("%s (%d%%)", short(d), (100*d+all/2)/all) }
	return fmt.Sprintf("of all stages: deploying %s, API %s, waiting for tables %s, holding them %s; in both, for time-outs of denied flows %s",
		share(t.Deploying), share(t.API), share(t.Waiting), share(t.Holding), share(t.Silence))
}

func flaps(r *judge.Run) int {
	n := 0
	for _, sc := range r.Scenarios {
		for _, step := range sc.Steps {
			n += len(step.Flaps)
		}
	}
	return n
}

// counts is the table of levels and results; levels without scenarios are left out.
func (s style) counts(r *judge.Run) []string {
	sum := totals(r)
	if len(r.Scenarios) == 0 {
		return nil
	}
	lines := []string{s.dim(strings.TrimRight(fmt.Sprintf("%-11s%8s%8s%14s%9s%10s", "level", "pass", "fail", "inconclusive", "skipped", "recorded"), " "))}
	for _, l := range levels() {
		if c := sum.Levels[l]; c != (Counts{}) {
			lines = append(lines, countRow(string(l), c))
		}
	}
	if len(lines) == 2 {
		return lines
	}
	return append(lines, s.bold(countRow("all", sum.Counts)))
}

func countRow(name string, c Counts) string {
	return fmt.Sprintf("%-11s%8d%8d%14d%9d%10d", name, c.Pass, c.Fail, c.Inconclusive, c.Skipped, c.Recorded)
}

func (s style) latencies(r *judge.Run) []string {
	var rows []string
	for _, l := range latencyRows(r) {
		row := fmt.Sprintf("%-11s%8d", l.name, len(l.d))
		for _, p := range l.percentiles() {
			row += fmt.Sprintf("%8s", p)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil
	}
	head := fmt.Sprintf("%-11s%8s%8s%8s%8s%8s", "latency", "steps", "p50", "p90", "p99", "max")
	return append([]string{s.dim(head)}, rows...)
}

// recorded is a table of what no specification settles: one row per bundle of flows.
func (s style) recorded(r *judge.Run) []string {
	var lines []string
	for i := range r.Scenarios {
		sc := &r.Scenarios[i]
		if sc.Result == judge.Recorded || s.verbose {
			lines = append(lines, s.recordedOf(sc)...)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return append([]string{s.dim("recorded, not judged")}, lines...)
}

func (s style) recordedOf(sc *judge.Scenario) []string {
	lines := []string{"  " + s.bold(plain(sc.Name)) + s.dim("  ("+string(sc.Level)+")")}
	rows, several := 0, recordingSteps(sc) > 1
	for i := range sc.Steps {
		step := &sc.Steps[i]
		if step.Control {
			continue
		}
		for _, b := range bundles(records(cellsOf(sc, step, record))) {
			rows++
			if rows <= fewRecords || s.verbose {
				lines = append(lines, s.recordRow(step, b, several)...)
			}
		}
	}
	switch {
	case rows == 0 && sc.Result != judge.Recorded:
		return nil
	case rows == 0:
		lines = append(lines, "    nothing that differs from what the scenario expects")
	case rows > fewRecords && !s.verbose:
		lines = append(lines, fmt.Sprintf("    and %d more rows, in full in the JSON report", rows-fewRecords))
	}
	return lines
}

// recordingSteps is how many steps of a scenario have something to record.
func recordingSteps(sc *judge.Scenario) int {
	n := 0
	for i := range sc.Steps {
		if !sc.Steps[i].Control && len(cellsOf(sc, &sc.Steps[i], record)) > 0 {
			n++
		}
	}
	return n
}

// fewRecords is how many rows a recorded scenario has.
const fewRecords = 6

func records(cells []judge.Cell) []sight {
	all := make([]sight, len(cells))
	for i, c := range cells {
		class := "observed " + c.Observed.String()
		if c.Expected != flow.Undefined {
			class += ", literal reading " + c.Expected.String()
		}
		all[i] = sight{flow: c.Flow, class: class, outcomes: tally(c)}
	}
	return all
}

func (s style) recordRow(step *judge.Step, b bundle, named bool) []string {
	text := fmt.Sprintf("%s: %s (%s)", b.line(fewWords), b.first.class, outcomes(b.outcomes))
	if named {
		text = fmt.Sprintf("%q: %s", plain(step.Name), text)
	}
	return wrap("    ", text, s.width)
}

// skipped names the scenarios that had no turn, by reason.
func (s style) skipped(r *judge.Run) []string {
	var reasons []string
	names := map[string][]string{}
	for _, sc := range r.Scenarios {
		if sc.Result != judge.Skipped {
			continue
		}
		if !slices.Contains(reasons, sc.Reason) {
			reasons = append(reasons, sc.Reason)
		}
		names[sc.Reason] = append(names[sc.Reason], sc.Name)
	}
	if len(reasons) == 0 {
		return nil
	}
	lines := []string{s.dim("skipped")}
	for _, reason := range reasons {
		limit := fewWords
		if s.verbose {
			limit = 0
		}
		lines = append(lines, wrap("  ", reason+": "+some(names[reason], limit), s.width)...)
	}
	return lines
}
