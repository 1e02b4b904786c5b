package scenario

import "github.com/cniproof/cniproof/internal/flow"

// Verdict is what the scenario's author expects of a flow: that of the last line
// which names it, else the default. A pod's flows to itself are always undefined.
func (e Expectation) Verdict(f flow.Flow) flow.Verdict {
	if f.Source == f.Destination {
		return flow.Undefined
	}
	for i := len(e.Lines) - 1; i >= 0; i-- {
		if e.Lines[i].Matches(f) {
			return e.Lines[i].Verdict
		}
	}
	return e.Default
}

// Matches reports whether the line names the flow.
func (l Line) Matches(f flow.Flow) bool { return l.match != nil && l.match(f) }
