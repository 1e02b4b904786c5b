package scenario

import (
	"maps"
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/strict"
)

// Debut is a pod that is recreated, and dials and is dialled from its first instant.
type Debut struct {
	Pod flow.Endpoint
	// Init is true where an init container dials, not the container that serves.
	Init bool
}

// maxDebutFlows is how many flows one pod may dial from its first instant, on all
// axes: a kubelet keeps no more of what an init container has to say.
const maxDebutFlows = 48

// The words for who dials.
const (
	byContainer = "container"
	byInit      = "init"
)

// debuts reads a map from a pod to who dials in it.
func (b *builder) debuts(doc stepDoc, at string) []Debut {
	path := strict.Child(at, "eager")
	var list []Debut
	for _, text := range slices.Sorted(maps.Keys(doc.Eager)) {
		entry := strict.Entry(path, text)
		who := doc.Eager[text]
		if who != byContainer && who != byInit {
			b.Wrong(entry, "%q must be %s or %s: who dials from the first instant", who, byContainer, byInit)
		}
		pod, ok := b.podNamed(text, entry)
		if !ok {
			continue
		}
		b.stays(text, entry)
		if n := b.dialledBy(pod, doc.Eager); n > maxDebutFlows {
			b.Wrong(entry, "pod %q would dial %d flows every 10 ms: no more than %d are possible, write a smaller topology", text, n, maxDebutFlows)
		}
		list = append(list, Debut{pod, who == byInit})
		b.renewed([]flow.Endpoint{pod})
	}
	if others := len(doc.Renew)+len(doc.Ready)+len(doc.Apply)+len(doc.Delete)+len(doc.Label)+len(doc.Complete)+len(doc.Terminate)+len(doc.Recreate)+len(doc.Reuse) > 0 || doc.Restart != ""; others && len(list) > 0 {
		b.Wrong(path, "must stand alone: what holds from a pod's first instant is what held before the step")
	}
	return list
}

// dialledBy counts the flows from the pod to those that are there when it starts.
func (b *builder) dialledBy(pod flow.Endpoint, eager map[string]string) int {
	n := 0
	for _, f := range b.flows {
		if _, also := eager[f.Destination.String()]; f.Source == pod && !also {
			n++
		}
	}
	return n
}
