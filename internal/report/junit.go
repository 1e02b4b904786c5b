package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
)

// The elements of a JUnit file, as far as GitLab, Jenkins and GitHub's readers agree
// on them. A scenario that could not be told is an error, never a skip.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Name    string       `xml:"name,attr"`
		Suites  []junitSuite `xml:"testsuite"`
		junitCounts
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitCounts struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitMessage `xml:"failure"`
		Error   *junitMessage `xml:"error"`
		Skipped *junitMessage `xml:"skipped"`
		Out     *junitText    `xml:"system-out"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		junitText
	}
	junitText struct {
		Text string `xml:",cdata"` // lines stay lines also for those who read the file itself
	}
)

func writeJUnit(w io.Writer, in Input, _ Options) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(junit(in)); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junit(in Input) junitSuites {
	run := in.run()
	all := junitSuites{Name: "cniproof"}
	for _, topic := range topics(run) {
		var cases []junitCase
		var took time.Duration
		for i := range run.Scenarios {
			if sc := &run.Scenarios[i]; sc.Topic == topic {
				cases = append(cases, testcase(in, sc))
				took += sc.Took
			}
		}
		all.add(in, className(topic), cases, took)
	}
	if c := runCase(in); c != nil {
		all.add(in, "cniproof", []junitCase{*c}, run.Took)
	}
	all.Time = junitTime(run.Took)
	return all
}

func topics(r *judge.Run) []string {
	var names []string
	for _, sc := range r.Scenarios {
		if !slices.Contains(names, sc.Topic) {
			names = append(names, sc.Topic)
		}
	}
	slices.Sort(names)
	return names
}

func className(topic string) string {
	if topic == "" {
		return "cniproof.own"
	}
	return "cniproof." + plain(topic)
}

func (all *junitSuites) add(in Input, name string, cases []junitCase, took time.Duration) {
	s := junitSuite{Name: name, Properties: properties(in), Cases: cases}
	s.Timestamp = in.run().Begin.UTC().Format("2006-01-02T15:04:05")
	s.Time = junitTime(took)
	for i := range s.Cases {
		s.Cases[i].Class = name
		s.count(&s.Cases[i])
		all.count(&s.Cases[i])
	}
	all.Suites = append(all.Suites, s)
}

func (n *junitCounts) count(c *junitCase) {
	n.Tests++
	switch {
	case c.Failure != nil:
		n.Failures++
	case c.Error != nil:
		n.Errors++
	case c.Skipped != nil:
		n.Skipped++
	}
}

func testcase(in Input, sc *judge.Scenario) junitCase {
	s := Options{}.style()
	c := junitCase{Name: plain(sc.Name), Time: junitTime(sc.Took), Out: &junitText{systemOut(s, sc)}}
	m := &junitMessage{Message: junitReason(sc), Type: string(sc.Result)}
	switch sc.Result {
	case judge.Pass:
	case judge.Skipped, judge.Recorded:
		m.Type = ""
		c.Skipped = m
	case judge.Fail:
		m.Text = junitDetails(s, in, sc)
		c.Failure = m
		if d := in.deviation(sc); d != nil {
			m.Message, m.Type = "known deviation: "+plain(d.Summary+" "+d.Link), "known deviation"
			if in.AllowDeviations {
				c.Failure, c.Skipped, m.Type = nil, m, ""
			}
		}
	case judge.Inconclusive:
		m.Text = junitDetails(s, in, sc)
		c.Error = m
	default:
		m.Text = junitDetails(s, in, sc)
		c.Error = m
	}
	return c
}

func junitReason(sc *judge.Scenario) string {
	if sc.Reason == "" {
		return string(sc.Result)
	}
	return string(sc.Result) + ": " + plain(sc.Reason)
}

func junitDetails(s style, in Input, sc *judge.Scenario) string {
	return "\n" + strings.Join(s.scenario(in, sc), "\n") + "\n"
}

// systemOut says what was done, step by step, and what was recorded.
func systemOut(s style, sc *judge.Scenario) string {
	lines := wrap("", fmt.Sprintf("%s (%s)", sc.Summary, sc.Level), s.width)
	for _, ref := range sc.Refs {
		lines = append(lines, plain(ref))
	}
	number := 0
	for i := range sc.Steps {
		step := &sc.Steps[i]
		if !step.Control {
			number++
		}
		lines = append(lines, fmt.Sprintf("%-14s %7s  %s, %s, %d allowed, %d denied", mark(step.Result), clock(step.Took),
			stepTitle(step, number), plural(step.Probes, "probe"), step.Allowed, step.Denied))
	}
	if sc.Result == judge.Recorded {
		lines = append(lines, s.recordedOf(sc)...)
	}
	return strings.Join(lines, "\n")
}

// runCase makes a run that did not end well visible also where its scenarios did;
// nil for a run that needs no words.
func runCase(in Input) *junitCase {
	r := in.run()
	c := &junitCase{Name: "run", Time: junitTime(r.Took)}
	code := in.ExitCode()
	switch {
	case r.Preflight.Result == judge.Fail:
		c.Name = "preflight"
		c.Failure = &junitMessage{Message: plain(r.Preflight.Message), Type: "fail"}
	case r.Preflight.Result == judge.Inconclusive:
		c.Name = "preflight"
		c.Error = &junitMessage{Message: plain(r.Preflight.Message), Type: "inconclusive"}
	case r.Err != "" || code == ExitInterrupted || !observed(r):
		c.Error = &junitMessage{Message: plain(verdict(in)), Type: "inconclusive"}
	default:
		return nil
	}
	return c
}

func properties(in Input) []junitProperty {
	run, c := in.run(), in.Cluster
	reference := c.Implementation + " " + c.Version
	all := []junitProperty{
		{"cniproof", in.Tool},
		{"implementation", reference},
		{"reference-engine", fmt.Sprint(c.Reference)},
		{"faults", strings.Join(c.Faults, ",")},
		{"cluster", whereabouts(c)},
		{"kubernetes", c.Kubernetes},
		{"seed", fmt.Sprint(run.Seed)},
		{"command", strings.Join(in.Command, " ")},
	}
	for i := range all {
		all[i].Value = plain(all[i].Value)
	}
	return all
}

func junitTime(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
