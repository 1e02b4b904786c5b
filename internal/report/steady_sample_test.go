package report

import (
	"fmt"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/internal/vigil"
)

// leaking is a run with steady steps: one that went well, one in which flows leaked and
// were disrupted, and one of which not everything could be told.
func leaking() Input {
	m := shop()
	m.expect = func(f flow.Flow) flow.Verdict {
		if f.Destination == pod("prod/db") {
			return flow.Deny
		}
		return flow.Allow
	}
	const ms = time.Millisecond
	var flows []flow.Flow
	window := func(i int, k vigil.Kind, from, to time.Duration) vigil.Window {
		return vigil.Window{Flow: flows[i], Kind: k, Begin: begin.Add(from), End: begin.Add(to), Samples: 3, Outcome: flow.Connected}
	}
	steady := func(name string, windows ...vigil.Window) judge.Step {
		s := step(name, judge.Pass, m.cells())
		s.Deeds = []scenario.Deed{scenario.Update}
		for _, c := range s.Cells {
			s.Expected = append(s.Expected, c.Expected)
		}
		s.Cells = nil
		s.Guarded(flows, &vigil.Report{
			Allowed: 30, Denied: 12, End: begin.Add(900 * ms), Windows: windows,
			Counts: vigil.Counts{Samples: 3400, Lost: 1}, Gaps: vigil.Gaps{Typical: 10 * ms, Longest: 34 * ms},
		}, begin)
		return s
	}
	for _, c := range m.cells() {
		flows = append(flows, c.Flow)
	}
	quiet := steady("nothing but a label")
	leaky := steady("swapped", window(0, vigil.Leak, 12*ms, 60*ms), window(1, vigil.Leak, 14*ms, 50*ms), window(0, vigil.Leak, 300*ms, 310*ms),
		window(7, vigil.Disruption, 15*ms, 55*ms), window(8, vigil.Unclear, 100*ms, 400*ms))
	unclear := window(3, vigil.Unclear, 100*ms, 900*ms)
	unclear.Open, unclear.Outcome, unclear.Detail = true, flow.Failed, "could not tell: destination: the agent was kept from running for up to 90ms where the probe waited 40ms"
	dim := steady("restarted", unclear)
	r := &judge.Run{Took: 3 * time.Second}
	r.Scenarios = []judge.Scenario{
		scene("swap", "dynamics", "Equivalent policies are exchanged.", judge.Fail, quiet, leaky),
		scene("restart", "dynamics", "The agent restarts.", judge.Inconclusive, dim),
		good("policies-add-up", 3),
	}
	for i := range r.Scenarios[:2] {
		sc := &r.Scenarios[i]
		sc.Flows = flows
		sc.Reason = fmt.Sprintf("step %q: %s", sc.Steps[len(sc.Steps)-1].Name, sc.Steps[len(sc.Steps)-1].Reason)
	}
	return input(r, "transient-leak-on-update")
}
