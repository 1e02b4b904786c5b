package report

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/cniproof/cniproof/internal/judge"
)

// writeGitHub is a report as workflow commands, one on each line, which GitHub shows
// as annotations of the run and of the user's own scenario files. It shows ten of a
// kind for each step, so there are no more, and the last says what is left out.
func writeGitHub(w io.Writer, in Input, _ Options) error {
	list := []annotation{whole(in)}
	left := map[string][]string{}
	shown := map[string]int{list[0].kind: 1}
	for _, sc := range worstFirst(in.run()) {
		a, ok := annotate(in, sc)
		if !ok {
			continue
		}
		if shown[a.kind] >= mostAnnotations-1 {
			left[a.kind] = append(left[a.kind], sc.Name)
			continue
		}
		shown[a.kind]++
		list = append(list, a)
	}
	for _, kind := range []string{asError, asWarning, asNotice} {
		if names := left[kind]; len(names) > 0 {
			list = append(list, annotation{kind: kind, title: "cniproof: and " + plural(len(names), "more scenario"), text: some(names, 6*fewNames)})
		}
	}
	for _, a := range list {
		if _, err := io.WriteString(w, a.String()); err != nil {
			return err
		}
	}
	return nil
}

// mostAnnotations is how many of a kind GitHub shows for one step.
const mostAnnotations = 10

// The kinds of annotations.
const (
	asError   = "error"
	asWarning = "warning"
	asNotice  = "notice"
)

// annotation is one workflow command.
type annotation struct{ kind, file, title, text string }

func (a annotation) String() string {
	properties := "title=" + property(a.title)
	if a.file != "" {
		properties = "file=" + property(a.file) + "," + properties
	}
	return fmt.Sprintf("::%s %s::%s\n", a.kind, properties, message(a.text))
}

// message and property are text as the runner decodes it.
func message(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(text))
}

// whole is what the run came to.
func whole(in Input) annotation {
	a := annotation{kind: asError, title: "cniproof: " + plain(judged(in.Cluster)), text: plain(verdict(in))}
	switch {
	case in.ExitCode() == ExitPass:
		a.kind = asNotice
	case in.ExitCode() == ExitInconclusive && in.run().Err == "":
		a.kind = asWarning
	}
	if p := in.run().Preflight; p.Result == judge.Fail || p.Result == judge.Inconclusive {
		a.text += "\n" + plain(p.Message)
	}
	if text := commonTo(in.run()); text != "" {
		a.text += "\n" + text
	}
	return a
}

// annotate is about one scenario; false where there is nothing to say.
func annotate(in Input, sc *judge.Scenario) (annotation, bool) {
	a := annotation{title: fmt.Sprintf("%s (%s)", plain(sc.Name), sc.Level), file: in.ownFile(sc)}
	switch sc.Result {
	case judge.Pass, judge.Skipped, judge.Recorded:
		return a, false
	case judge.Fail:
		a.kind = asError
	case judge.Inconclusive:
		a.kind = asWarning
	default:
		a.kind = asWarning
	}
	lines := []string{plain(sc.Summary), plain(sc.Reason)}
	if d := in.deviation(sc); d != nil {
		lines = append(lines, "Known deviation: "+plain(d.Summary+" "+d.Link))
		if in.AllowDeviations {
			a.kind = asNotice
		}
	}
	a.text = strings.Join(append(lines, reasons(sc)...), "\n")
	return a, true
}

// reasons are the wrong and the doubtful flows, without matrices: annotations are
// not set in columns.
func reasons(sc *judge.Scenario) []string {
	s := style{width: 10_000} // GitHub breaks the lines
	var lines []string
	for i := range sc.Steps {
		step := &sc.Steps[i]
		wrong, doubts := cellsOf(sc, step, mismatch), cellsOf(sc, step, doubtful)
		lines = append(lines, s.why("✗ ", s.bad, sights(wrong, func(c judge.Cell) string { return c.Explanation }))...)
		lines = append(lines, s.why("? ", s.warn, sights(doubts, func(c judge.Cell) string { return c.Detail }))...)
		lines = append(lines, s.why("~ ", s.bad, restless(unsettled(sc, step)))...)
		lines = append(lines, s.flaps(step)...)
	}
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "    ")
	}
	return lines
}

// ownFile is the user's own file of a scenario, as GitHub names files; "" for a
// scenario of the library, and for a file outside the working directory.
func (in Input) ownFile(sc *judge.Scenario) string {
	file := filepath.ToSlash(filepath.Clean(sc.File))
	if sc.File == "" || in.Library.BuiltIn || !filepath.IsLocal(sc.File) {
		return ""
	}
	return file
}
