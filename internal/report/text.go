package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/cniproof/cniproof/internal/judge"
)

// writeText is what a person sees of a run: Header, one Line per scenario in the
// order in which they ended, Details and Summary.
func writeText(w io.Writer, in Input, o Options) error {
	var b strings.Builder
	b.WriteString(Header(in, o))
	b.WriteString("\n")
	for _, s := range in.run().Scenarios {
		b.WriteString(Line(in, s, o) + "\n")
	}
	if len(in.run().Scenarios) > 0 {
		b.WriteString("\n")
	}
	b.WriteString(Details(in, o))
	b.WriteString(Summary(in, o))
	_, err := io.WriteString(w, b.String())
	return err
}

// Header says what is judged. Where nothing is enforced its first line says so. Once
// the run has ended it also says what the run came to. It ends in a newline.
func Header(in Input, o Options) string {
	s := o.style()
	var lines []string
	lines = append(lines, s.alarm(in.run().Preflight)...)
	lines = append(lines, s.field("cniproof", plain(in.Tool))...)
	lines = append(lines, s.field("judged", judged(in.Cluster))...)
	lines = append(lines, s.field("cluster", whereabouts(in.Cluster))...)
	if len(in.Cluster.Faults) > 0 {
		lines = append(lines, s.shout("FAULTS", "planted on purpose: "+strings.Join(in.Cluster.Faults, ", "))...)
	}
	if p := in.run().Preflight; p.Result == judge.Pass && p.Message != "" {
		lines = append(lines, s.field("preflight", p.Message)...)
	}
	if ended(in.run()) {
		lines = append(lines, s.outcome(in)...)
	}
	return strings.Join(lines, "\n") + "\n"
}

func ended(r *judge.Run) bool {
	return len(r.Scenarios) > 0 || r.Took > 0 || r.Err != "" || r.Interrupted
}

// alarm is what the preflight says where it did not pass.
func (s style) alarm(p judge.Preflight) []string {
	word, message := alarm(p)
	if word == "" {
		return nil
	}
	return append(s.each(s.bad, wrap("", word+": "+message, s.width)), "")
}

// alarm is what a preflight that did not pass comes to, in a word and in full; "" of
// one that passed or never ended.
func alarm(p judge.Preflight) (word, message string) {
	switch p.Result {
	case judge.Fail:
		word = "NOTHING IS ENFORCED"
		if p.Enforced {
			word = "PREFLIGHT FAILED"
		}
	case judge.Inconclusive:
		word = "PREFLIGHT INCONCLUSIVE"
	case judge.Pass, judge.Skipped, judge.Recorded:
	}
	return word, strings.TrimPrefix(plain(p.Message), word+": ")
}

// String is what was judged and where, in one line.
func (c Cluster) String() string { return judged(c) + "; " + whereabouts(c) }

func judged(c Cluster) string {
	what := strings.TrimSpace(c.Implementation + " " + c.Version)
	if !c.Reference {
		return what
	}
	what = strings.TrimSpace(strings.TrimPrefix(what, "reference engine"))
	if what == "" {
		return "reference engine, not a CNI"
	}
	return "reference engine, not a CNI (" + what + ")"
}

func whereabouts(c Cluster) string {
	parts := []string{c.Provider}
	if c.Kubernetes != "" {
		parts = append(parts, "Kubernetes "+c.Kubernetes)
	}
	if c.Nodes > 0 {
		parts = append(parts, plural(c.Nodes, "node"))
	}
	if len(c.Families) > 0 {
		parts = append(parts, words(c.Families))
	}
	if len(c.Protocols) > 0 {
		parts = append(parts, words(c.Protocols))
	}
	return strings.Join(parts, ", ")
}

func words[T fmt.Stringer](all []T) string {
	text := make([]string, len(all))
	for i, v := range all {
		text[i] = v.String()
	}
	return strings.Join(text, " + ")
}

// field is a row of the header or the summary.
func (s style) field(name, text string) []string {
	lines := wrap(pad(name, fieldWidth), text, s.width)
	lines[0] = s.dim(pad(name, fieldWidth)) + lines[0][min(fieldWidth, len(lines[0])):]
	return lines
}

const fieldWidth = 11

func (s style) shout(name, text string) []string {
	return s.each(s.bad, wrap(pad(name, fieldWidth), text, s.width))
}

func (s style) each(paint func(string) string, lines []string) []string {
	for i := range lines {
		lines[i] = paint(lines[i])
	}
	return lines
}

// outcome is the whole run in one sentence, and in a second one what all wrong
// flows have in common.
func (s style) outcome(in Input) []string {
	paint, name := s.good, "RESULT"
	switch in.ExitCode() {
	case ExitPass:
	case ExitInconclusive:
		paint = s.warn
	default:
		paint = s.bad
	}
	lines := s.each(paint, wrap(pad(name, fieldWidth), verdict(in), s.width))
	if text := commonTo(in.run()); text != "" {
		lines = append(lines, wrap(pad("", fieldWidth), text, s.width)...)
	}
	if text := readingOf(in.run()); text != "" {
		lines = append(lines, wrap(pad("", fieldWidth), text, s.width)...)
	}
	return lines
}

func verdict(in Input) string {
	r := in.run()
	scored := len(r.Scenarios) - r.Count(judge.Skipped) - r.Count(judge.Recorded)
	failed := named(r, judge.Fail)
	doubtful := named(r, judge.Inconclusive)
	var parts []string
	switch in.ExitCode() {
	case ExitPass:
		return "PASS: " + passing(in) + "."
	case ExitInterrupted:
		parts = append(parts, fmt.Sprintf("INTERRUPTED after %d of %d scenarios", scored+r.Count(judge.Recorded), len(r.Scenarios)))
	case ExitFail:
		if len(failed) == 0 {
			parts = append(parts, "FAIL: the preflight failed")
		}
	case ExitInconclusive:
		if r.Err == "" && len(doubtful) == 0 {
			parts = append(parts, "INCONCLUSIVE: nothing was judged")
		}
	}
	if r.Err != "" {
		parts = append(parts, "THE RUN ENDED EARLY: "+r.Err)
	}
	if len(failed) > 0 {
		parts = append(parts, fmt.Sprintf("FAIL: %d of %d scenarios: %s", len(failed), scored, some(failed, fewNames))+excused(in, failed))
	}
	if len(doubtful) > 0 {
		parts = append(parts, fmt.Sprintf("INCONCLUSIVE: %d of %d scenarios: %s", len(doubtful), scored, some(doubtful, fewNames)))
	}
	return strings.Join(parts, ". ") + "."
}

// passing counts what a run without a failure consists of.
func passing(in Input) string {
	r := in.run()
	parts := []string{plural(r.Count(judge.Pass), "scenario")}
	if n := len(in.explained()); n > 0 {
		parts = append(parts, plural(n, "failure")+" by known deviations, which are allowed")
	}
	if n := r.Count(judge.Recorded); n > 0 {
		parts = append(parts, fmt.Sprintf("%d recorded", n))
	}
	if n := r.Count(judge.Skipped); n > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", n))
	}
	return strings.Join(parts, ", ")
}

// excused says how many of the failed scenarios known deviations explain.
func excused(in Input, failed []string) string {
	switch n := len(in.explained()); {
	case n == 0:
		return ""
	case n == len(failed):
		return " (all by known deviations)"
	default:
		return fmt.Sprintf(" (%d by known deviations)", n)
	}
}

// fewNames is how many scenarios the result names.
const fewNames = 5

// named are the names of the scenarios with a result.
func named(r *judge.Run, result judge.Result) []string {
	var names []string
	for _, s := range r.Scenarios {
		if s.Result == result {
			names = append(names, s.Name)
		}
	}
	return names
}

// Line is one scenario on one line, without a newline: result, time, name, and why
// it is not a pass as far as there is room.
func Line(in Input, sc judge.Scenario, o Options) string {
	s := o.style()
	head := pad(mark(sc.Result), 15) + fmt.Sprintf("%7s", clock(sc.Took)) + "  "
	name := cut(plain(sc.Name), s.width-columns(head))
	note := plain(sc.Reason)
	if d := in.deviation(&sc); d != nil {
		note = "known deviation, " + plain(d.Link)
	}
	if note == "" && sc.FirstTry != "" {
		note = "the first try could not tell: " + plain(sc.FirstTry)
	}
	padded := pad(name, nameWidth)
	room := s.width - columns(head) - columns(padded) - 2
	if note == "" || room < 12 {
		return s.tint(sc.Result, head) + name
	}
	name = padded
	return s.tint(sc.Result, head) + name + "  " + s.dim(cut(note, room))
}

// nameWidth is where the notes of most lines begin.
const nameWidth = 30
