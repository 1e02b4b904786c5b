package scenario

import (
	"maps"
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/strict"
)

// ConditionReady is the condition by which pods are made ready and unready: their readiness
// gates are for it.
const ConditionReady = "cniproof.dev/ready"

// Readiness makes a pod ready or unready, and it goes on serving and dialling.
type Readiness struct {
	Pod   flow.Endpoint
	Ready bool
}

// Unready are the pods that are not ready after the step, if those were not before it. A
// new pod is ready.
func (s Step) Unready(before []flow.Endpoint) []flow.Endpoint {
	now := slices.Clone(before)
	for _, a := range s.Acts {
		anew := a.anew()
		now = slices.DeleteFunc(now, func(e flow.Endpoint) bool { return slices.Contains(anew, e) })
		for _, r := range a.Ready {
			now = slices.DeleteFunc(now, func(e flow.Endpoint) bool { return e == r.Pod })
			if !r.Ready {
				now = append(now, r.Pod)
			}
		}
	}
	return now
}

// readiness reads a map from pods to whether they are ready from then on.
func (b *builder) readiness(doc actDoc, at string) []Readiness {
	var list []Readiness
	for _, text := range slices.Sorted(maps.Keys(doc.Ready)) {
		path := strict.Entry(at, text)
		pod, ok := b.podNamed(text, path)
		if !ok {
			continue
		}
		b.stays(text, path)
		r := Readiness{pod, doc.Ready[text]}
		switch {
		case slices.Contains(doc.Recreate, text):
			b.Wrong(path, "pod %q is recreated in the same act, and a new pod is ready: write two steps", text)
		case !b.turns(r):
			b.Wrong(path, "pod %q is %s already: at first, and when they are created anew, pods are ready", text, r.word())
		}
		list = append(list, r)
	}
	if len(list) > 0 && !b.s.Topology.Direct && b.named {
		b.Wrong(at, "no Service leads to a pod that is not ready, whatever the policies say: write direct: true in the topology")
	}
	for _, r := range list {
		if !slices.Contains(b.s.Topology.Gated, r.Pod) {
			b.s.Topology.Gated = append(b.s.Topology.Gated, r.Pod)
		}
	}
	return list
}

// turns notes whether a pod is ready from then on, and reports whether it was not so
// before.
func (b *builder) turns(r Readiness) bool {
	was := !b.unready[r.Pod]
	b.unready[r.Pod] = !r.Ready
	return was != r.Ready
}

// word is what the pod is then.
func (r Readiness) word() string {
	if r.Ready {
		return "ready"
	}
	return "not ready"
}

// renewed notes that the pods are new ones, which are ready.
func (b *builder) renewed(pods []flow.Endpoint) {
	for _, pod := range pods {
		delete(b.unready, pod)
	}
}
