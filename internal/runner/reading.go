package runner

import (
	"maps"
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/reading"
)

// read takes a step down as a moment, and notes which misreadings would explain one
// that failed. What flapped was read rightly at times: nothing is said of that.
func (p *play) read(step *judge.Step, w *oracle.World) {
	if len(p.moments) == 0 {
		p.moments = []reading.Moment{{World: p.bare(w), Seen: make([]flow.Verdict, len(p.flows))}}
	}
	p.moments = append(p.moments, reading.Moment{World: w, Seen: evidenceOf(step, p.seen.expected)})
	if step.Result != judge.Fail || len(step.Flaps)+len(step.Vigil.Wrong()) > 0 || p.bench.run.toothless() {
		return
	}
	for _, r := range reading.Consistent(p.flows, p.moments) {
		step.Readings = append(step.Readings, judge.Reading(r))
	}
}

// evidenceOf is what a step showed of each flow; of one that passed, what it had to.
func evidenceOf(step *judge.Step, expected []flow.Verdict) []flow.Verdict {
	seen := slices.Clone(expected)
	for i, v := range expected {
		switch {
		case v != flow.Allow && v != flow.Deny:
			seen[i] = flow.Unknown
		case step.Result != judge.Pass:
			seen[i] = step.Cells[i].Observed
		}
	}
	return seen
}

// readClosing is read for the control after the last step, when no policy is left and
// the labels are the topology's again.
func (p *play) readClosing(control *judge.Step) {
	if p.world != nil && control.Result == judge.Fail {
		p.read(control, p.bare(p.world))
	}
}

// bare is a world without what steps have done to it.
func (p *play) bare(w *oracle.World) *oracle.World {
	state := w.State
	state.Policies, state.Binding, state.Pods = nil, p.bench.stage.Binding(), p.scenario.Topology.Pods
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
