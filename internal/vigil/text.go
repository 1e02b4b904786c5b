package vigil

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// What a text shows before it counts.
const (
	shownIncidents = 20
	shownFlows     = 6
)

const clock = "15:04:05.000"

// WriteText writes the report for a person.
func WriteText(w io.Writer, r *Report) error {
	t := &text{w: w}
	if r.Began {
		t.header(r)
		for _, k := range []Kind{Leak, Disruption, Unclear} {
			t.incidents(r, k)
		}
		t.losses(r)
	}
	t.events(r)
	t.line("RESULT     %s", Conclusion(r))
	return t.err
}

type text struct {
	w   io.Writer
	err error
}

func (t *text) line(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format+"\n", args...)
	}
}

func (t *text) header(r *Report) {
	t.line("held       step %q", r.Step)
	t.line("watched    %s, from %s to %s: %d flows, %d allowed, %d denied, each tried every %s",
		short(r.End.Sub(r.Begin)), r.Begin.Format("2006-01-02 "+clock), r.End.Format(clock), r.Flows, r.Allowed, r.Denied, r.Interval)
	t.line("samples    %d: %d right, %d leaks, %d failed on allowed flows (%d of them alone), %d that tell nothing",
		r.Counts.Samples, r.Counts.Right, r.Counts.Leaks, r.Counts.Failed, r.Counts.Lost, r.Counts.Nothing)
	t.line("")
}

func title(k Kind) string {
	return map[Kind]string{
		Leak:       "LEAKS: denied flows connected",
		Disruption: "DISRUPTIONS: allowed flows were closed",
		Unclear:    "COULD NOT TELL: neither leak nor disruption",
	}[k]
}

func (t *text) incidents(r *Report, k Kind) {
	var own []Incident
	for _, i := range r.Incidents {
		if i.Kind == k {
			own = append(own, i)
		}
	}
	if len(own) == 0 {
		return
	}
	t.line("%s", title(k))
	for _, i := range own[:min(len(own), shownIncidents)] {
		t.incident(i, r)
	}
	if more := len(own) - shownIncidents; more > 0 {
		t.line("  and %d more: see the JSON report", more)
	}
	t.line("")
}

func (t *text) incident(i Incident, r *Report) {
	end := i.End.Format(clock)
	if i.Open {
		end += ", and still so at the end"
	}
	t.line("  %s to %s (%s, last seen so at %s), %s:", i.Begin.Format(clock), end, short(i.End.Sub(i.Begin)), i.Last.Format(clock), plural(len(i.Flows), "flow"))
	lines := Condensed(i.Flows)
	for _, l := range lines[:min(len(lines), shownFlows)] {
		t.line("    %s", l)
	}
	if more := len(lines) - shownFlows; more > 0 {
		t.line("    and %d more", more)
	}
	if reason := why(i, r.Windows); reason != "" {
		t.line("    %s", reason)
	}
}

// why is the detail of the incident's first window that has one.
func why(i Incident, windows []Window) string {
	for _, w := range windows {
		if w.Kind == i.Kind && !w.Begin.Before(i.Begin) && !w.End.After(i.End) && w.Detail != "" {
			return fmt.Sprintf("%s: %s", w.Outcome, w.Detail)
		}
	}
	return ""
}

// Condensed writes flows that differ in path and family only on one line.
func Condensed(flows []flow.Flow) []string {
	var order []string
	paths := map[string][]string{}
	for _, f := range flows {
		l := f.Line()
		if paths[l] == nil {
			order = append(order, l)
		}
		paths[l] = append(paths[l], fmt.Sprintf("%s %s", f.Via, f.Family))
	}
	slices.Sort(order)
	for n, l := range order {
		slices.Sort(paths[l])
		order[n] = fmt.Sprintf("%s (%s)", l, strings.Join(paths[l], ", "))
	}
	return order
}

func (t *text) losses(r *Report) {
	if r.Counts.Lost == 0 {
		return
	}
	t.line("single probes lost on allowed flows: %d; none was followed by another, so none is a disruption", r.Counts.Lost)
	for _, l := range r.Losses[:min(len(r.Losses), shownFlows)] {
		t.line("    %s  %s  %s", l.At.Format(clock), l.Flow, l.Outcome)
	}
	if more := r.Counts.Lost - shownFlows; more > 0 {
		t.line("    and %d more", more)
	}
	t.line("")
}

func (t *text) events(r *Report) {
	for _, e := range r.Events {
		t.line("event      %s %s", e.At.Format(clock), e.Text)
	}
	if c := r.Command; c != nil {
		t.line("command    %q ended with %d after %s", c.Text, c.Exit, short(c.Took))
	}
}

// Conclusion is the report in one line.
func Conclusion(r *Report) string {
	switch {
	case r.Wrong:
		return "WRONG BEFORE IT BEGAN: " + r.Trouble
	case !r.Began && r.Interrupted:
		return "INTERRUPTED before the flows were settled"
	case !r.Began:
		return "COULD NOT WATCH: " + r.Trouble
	}
	leaks, disruptions, unclear := r.Of(Leak), r.Of(Disruption), r.Of(Unclear)
	counts := plural(leaks, "leak") + ", " + plural(disruptions, "disruption")
	trouble := ""
	if r.Trouble != "" {
		trouble = "; " + r.Trouble
	}
	switch r.ExitCode() {
	case ExitSeen:
		return fmt.Sprintf("SEEN: %s; could not tell: %s%s", counts, plural(unclear, "window"), trouble)
	case ExitUntold:
		if unclear > 0 {
			trouble = "; could not tell: " + plural(unclear, "window") + trouble
		}
		if r.Command != nil && r.Command.Exit != 0 {
			trouble += "; the command failed"
		}
		return "COULD NOT TELL: " + counts + trouble
	}
	return "QUIET: " + counts
}

func short(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
