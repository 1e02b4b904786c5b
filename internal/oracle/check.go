package oracle

import (
	"fmt"
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Disagreement is a flow about which the two witnesses differ, what the author wrote
// and what the policies mean, or a fault of the scenario as a whole.
type Disagreement struct {
	Step     int    // counted from 1; 0: the scenario as a whole
	StepName string // "" for the scenario as a whole
	// Row is the line of the file that gives the flow its written verdict; 0 where
	// that is the step's default, or where the disagreement is about no flow.
	Row      int
	Flow     flow.Flow
	Written  flow.Verdict
	Computed flow.Verdict
	// Message says what is wrong, in one sentence without its full stop.
	Message string
}

func (d Disagreement) String() string {
	if d.Step == 0 {
		return d.Message
	}
	return fmt.Sprintf("step %q: %s", d.StepName, d.Message)
}

// Check holds the verdicts that the author wrote against those that follow from the
// policies, for every step and every flow along the axes, in order. It also reports
// a vacuous scenario, in which no flow's verdict ever changes, so that a cluster
// without any enforcement would pass it. None means that all is well.
func Check(s *scenario.Scenario, b scenario.Binding, axes scenario.Axes) []Disagreement {
	c := checker{scenario: s, flows: s.Flows(axes)}
	play := NewPlay(s)
	for i, step := range s.Steps {
		c.steady(i, step, play, b)
		w, err := play.Next(b, b)
		if err != nil {
			c.found = append(c.found, Disagreement{Step: i + 1, StepName: step.Name, Message: err.Error()})
			return c.found
		}
		c.step(i, step, w)
	}
	c.vacuous()
	return c.found
}

type checker struct {
	scenario *scenario.Scenario
	flows    []flow.Flow
	changed  bool // some flow was not allowed, as all are before any policy
	found    []Disagreement
}

func (c *checker) step(n int, step scenario.Step, w *World) {
	for _, f := range c.flows {
		written, computed := step.Expect.Verdict(f), w.Expect(f)
		if written != computed {
			c.found = append(c.found, Disagreement{
				Step: n + 1, StepName: step.Name, Row: row(step.Expect, f), Flow: f, Written: written, Computed: computed,
				Message: fmt.Sprintf("the file says %s for %s, which %s", written, f, w.Explain(f).Short()),
			})
		}
		c.changed = c.changed || c.changes(computed)
	}
}

// steady reports a steady step all through which no flow stays denied, or none allowed:
// there would be no leak to see, or no disruption.
func (c *checker) steady(n int, step scenario.Step, play *Play, b scenario.Binding) {
	if !step.Steady {
		return
	}
	verdicts, err := play.Steady(b, c.flows)
	if err != nil {
		return // Next says so
	}
	for _, v := range []flow.Verdict{flow.Deny, flow.Allow} {
		if !slices.Contains(verdicts, v) {
			c.found = append(c.found, Disagreement{
				Step: n + 1, StepName: step.Name,
				Message: fmt.Sprintf("the step is steady, but no flow is expected to %s before it, all through it and after it", map[flow.Verdict]string{flow.Deny: "be denied", flow.Allow: "be allowed"}[v]),
			})
		}
	}
}

// changes reports whether an implementation that enforces nothing, where all flows
// connect, shows itself by the verdict. What scenarios that are not scored observe
// need not be settled.
func (c *checker) changes(v flow.Verdict) bool {
	return v == flow.Deny || v == flow.Undefined && !c.scenario.Level.Scored()
}

func (c *checker) vacuous() {
	switch {
	case len(c.flows) == 0:
		c.found = append(c.found, Disagreement{Message: "the topology has no flow at all: pods need ports"})
	case !c.changed && !c.scenario.Control:
		c.found = append(c.found, Disagreement{
			Message: "no flow's verdict changes in any step, so a cluster that enforces nothing passes; say `control: true` if that is meant",
		})
	case c.changed && c.scenario.Control:
		c.found = append(c.found, Disagreement{Message: "`control: true` says that no flow's verdict changes, but some do"})
	}
}

// row is the row of the last line that names the flow.
func row(e scenario.Expectation, f flow.Flow) int {
	for i := len(e.Lines) - 1; i >= 0; i-- {
		if e.Lines[i].Matches(f) {
			return e.Lines[i].Row
		}
	}
	return 0
}
