package runner

import (
	"maps"
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/reading"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/internal/vigil"
)

// read takes a step down as a moment, and notes which mistakes would explain one that
// failed. What flapped was right at times: readPassing asks about that.
func (p *play) read(step *judge.Step, done scenario.Step, w *oracle.World) {
	if len(p.moments) == 0 {
		p.moments = []reading.Moment{{
			World: p.bare(w), Seen: make([]flow.Verdict, len(p.flows)),
			Step: scenario.Step{Acts: []scenario.Act{{Recreate: p.inherited}}},
		}}
	}
	p.moments = append(p.moments, reading.Moment{
		World: w, Step: done, Seen: evidenceOf(step, p.seen.expected), SourcePort: p.scenario.Topology.SourcePort,
	})
	if step.Result != judge.Fail || len(step.Flaps) > 0 || p.bench.run.toothless() {
		return
	}
	for _, r := range reading.Consistent(p.flows, p.moments) {
		step.Readings = append(step.Readings, judge.Reading(r))
	}
}

// readPassing notes which mistakes would explain what was wrong for a while only, or at a
// new pod's first.
func (p *play) readPassing(step *judge.Step) {
	if step.Result != judge.Fail || len(step.Readings) > 0 || p.bench.run.toothless() {
		return
	}
	last := len(p.moments) - 1
	moments := slices.Clone(p.moments)
	for _, ask := range []struct {
		seen map[flow.Flow]flow.Verdict
		of   func([]flow.Flow, []reading.Moment) []reading.Reading
	}{{passing(step), reading.AtTimes}, {atFirst(step), reading.AtFirst}} {
		moments[last].Seen = make([]flow.Verdict, len(p.flows))
		for i, f := range p.flows {
			moments[last].Seen[i] = ask.seen[f]
		}
		for _, r := range ask.of(p.flows, moments) {
			step.Readings = append(step.Readings, judge.Reading(r))
		}
	}
}

// passing is what flows were wrongly, and not for good.
func passing(step *judge.Step) map[flow.Flow]flow.Verdict {
	seen := map[flow.Flow]flow.Verdict{}
	for _, f := range step.Flaps {
		seen[f.Flow] = otherThan(f.Expected)
	}
	if len(seen) == 0 && slices.ContainsFunc(step.Cells, judge.Cell.Wrong) {
		return nil
	}
	for _, w := range step.Vigil.Wrong() {
		seen[w.Flow] = map[bool]flow.Verdict{true: flow.Allow, false: flow.Deny}[w.Kind == vigil.Leak]
	}
	return seen
}

func otherThan(v flow.Verdict) flow.Verdict {
	if v == flow.Allow {
		return flow.Deny
	}
	return flow.Allow
}

// atFirst is what flows of new pods did from the first instant on: what they must not,
// and the denials that held.
func atFirst(step *judge.Step) map[flow.Flow]flow.Verdict {
	seen := map[flow.Flow]flow.Verdict{}
	for _, d := range step.Debuts {
		switch {
		case d.Result == judge.Fail:
			seen[d.Flow] = otherThan(d.Expected)
		case d.Result == judge.Pass && d.Expected == flow.Deny && seen[d.Flow] == flow.Unknown:
			seen[d.Flow] = flow.Deny
		}
	}
	return seen
}

// evidenceOf is what a step showed of each flow; of one that passed, what it had to.
func evidenceOf(step *judge.Step, expected []flow.Verdict) []flow.Verdict {
	seen := slices.Clone(expected)
	for i, v := range expected {
		switch {
		case v != flow.Allow && v != flow.Deny:
			seen[i] = flow.Unknown
		case step.Result != judge.Pass:
			seen[i] = takenFor(step.Cells[i])
		}
	}
	return seen
}

// takenFor is what a flow showed: one that must be allowed and gets no answer is denied,
// whatever comes through.
func takenFor(c judge.Cell) flow.Verdict {
	if c.Observed == flow.OneWay && c.Expected == flow.Allow {
		return flow.Deny
	}
	return c.Observed
}

// readClosing is read for the control after the last step, when no policy is left and
// the labels are the topology's again.
func (p *play) readClosing(control *judge.Step) {
	if p.world != nil && control.Result == judge.Fail {
		p.read(control, scenario.Step{}, p.bare(p.world))
	}
}

// bare is a world without what steps have done to it.
func (p *play) bare(w *oracle.World) *oracle.World {
	state := w.State
	state.Policies, state.Binding, state.Pods = nil, p.bench.stage.Binding(), p.scenario.Topology.Pods
	state.Terminating = nil
	state.Namespaces = maps.Clone(state.Namespaces)
	for _, ns := range p.scenario.Topology.Namespaces {
		state.Namespaces[state.Binding.Namespaces[ns.Name]] = ns.Labels
	}
	made, err := oracle.NewWorld(state)
	if err != nil { // the world that it is made from had the same pods and namespaces
		return w
	}
	return made
}
