package scenario

import (
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/strict"
)

// Terminated are the pods that the step begins to delete, and that go on.
func (s Step) Terminated() []flow.Endpoint {
	var list []flow.Endpoint
	for _, a := range s.Acts {
		list = append(list, a.Terminate...)
	}
	return list
}

// terminations reads the pods that are deleted with a grace period. They stay in the
// API, and serve and dial, until the scenario is over.
func (b *builder) terminations(texts []string, a Act, at string) []flow.Endpoint {
	list := b.leaving(texts, at)
	for i, text := range texts {
		if slices.Contains(a.Recreate, podOf(text)) {
			b.Wrong(strict.Index(at, i), "pod %q is recreated in this step already", text)
		}
	}
	if len(texts) > 0 && !b.s.Topology.Direct && b.named {
		b.Wrong(at, "no Service leads to a pod that terminates, whatever the policies say: write direct: true in the topology")
	}
	for _, pod := range list {
		if !b.terminating[pod] {
			b.terminating[pod] = true
			b.s.Topology.Terminating = append(b.s.Topology.Terminating, pod)
		}
	}
	return list
}

// stays reports a pod that has completed, or terminates.
func (b *builder) stays(text, path string) {
	b.notGone(text, path)
	if b.terminating[podOf(text)] {
		b.Wrong(path, "pod %q terminates: until the scenario is over it can be labelled, and no more", text)
	}
}
