package scenario

import (
	"maps"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/strict"
)

// Heir is a pod that is started again and again until it has the addresses of a
// completed one.
type Heir struct{ Pod, Of flow.Endpoint }

// anew are the pods of which an act makes new ones under their names, with agents of
// their own.
func (a Act) anew() []flow.Endpoint {
	list := slices.Clone(a.Recreate)
	for _, r := range a.Renew {
		list = append(list, r.Pods...)
	}
	for _, h := range a.Reuse {
		list = append(list, h.Pod)
	}
	for _, d := range a.Eager {
		list = append(list, d.Pod)
	}
	return list
}

// lives reports whether the act does to the lives of pods what cannot be done twice.
func (a Act) lives() bool { return a.replaces() || len(a.Terminate) > 0 }

// replaces reports whether pods come or are gone, so that their flows cannot be watched
// all through the act.
func (a Act) replaces() bool {
	return len(a.Renew)+len(a.Complete)+len(a.Remove)+len(a.Reuse)+len(a.Eager) > 0
}

// Completed are the pods that complete in the step.
func (s Step) Completed() []flow.Endpoint {
	var list []flow.Endpoint
	for _, a := range s.Acts {
		list = append(list, a.Complete...)
	}
	return list
}

// Debuts are the pods that dial from their first instant in the step.
func (s Step) Debuts() []Debut {
	var list []Debut
	for _, a := range s.Acts {
		list = append(list, a.Eager...)
	}
	return list
}

// actions are the fields of the document by which a step acts, in the order in which
// it does.
func actions() []string {
	return []string{"renew", "ready", "apply", "delete", "label", "complete", "terminate", "recreate", "reuse", "eager", "restart", "acts", "times", "steady"}
}

// lives reads what a step does to the lives of pods. It is called after everything
// else that the step's own act does was read.
func (b *builder) lives(doc stepDoc, a *Act, at string) {
	b.stillThere(doc, at)
	a.Complete = b.completions(doc.Complete, strict.Child(at, "complete"))
	a.Terminate = b.terminations(doc.Terminate, *a, strict.Child(at, "terminate"))
	a.Reuse = b.reuses(doc.Reuse, *a, strict.Child(at, "reuse"))
	a.Eager = b.debuts(doc, at)
}

// unrepeatable reports what happens once in the life of a pod, and is to happen again,
// or while other flows are watched.
func (b *builder) unrepeatable(s *Step, at string) {
	if s.Times > 1 && slices.ContainsFunc(s.Acts, Act.lives) {
		b.Wrong(strict.Child(at, "times"), "the step lets pods or namespaces come and go, which happens once: write a step for each time")
	}
	if s.Steady && slices.ContainsFunc(s.Acts, Act.replaces) {
		b.Wrong(strict.Child(at, "steady"), "the step lets pods or namespaces come and go, which is watched in other ways: remove it here")
	}
}

// podNamed reads NAMESPACE/POD.
func (b *builder) podNamed(text, path string) (flow.Endpoint, bool) {
	namespace, name, ok := strings.Cut(text, "/")
	if !ok {
		b.Wrong(path, "%q must be NAMESPACE/POD", text)
		return flow.Endpoint{}, false
	}
	pod := flow.Pod(namespace, name)
	b.podExists(pod, path)
	b.ownNetwork(pod, path)
	return pod, !b.named || b.s.Topology.hasPod(pod)
}

// stillThere reports completed pods that a step labels or recreates: they have no
// more part in the scenario.
func (b *builder) stillThere(doc stepDoc, at string) {
	for i, text := range doc.Recreate {
		b.stays(text, strict.Index(strict.Child(at, "recreate"), i))
	}
	for target := range doc.Label {
		b.notGone(target, strict.Entry(strict.Child(at, "label"), target))
	}
	for i, act := range doc.Acts {
		b.stillThere(stepDoc{Recreate: act.Recreate, Label: act.Label}, strict.Index(strict.Child(at, "acts"), i))
	}
}

func (b *builder) notGone(text, path string) {
	if b.gone[podOf(text)] {
		b.Wrong(path, "pod %q has completed and takes part no more", text)
	}
}

func podOf(text string) flow.Endpoint {
	namespace, name, _ := strings.Cut(text, "/")
	return flow.Pod(namespace, name)
}

// completions reads the pods that end. They stay in the API until they are deleted.
func (b *builder) completions(texts []string, at string) []flow.Endpoint {
	list := b.leaving(texts, at)
	for _, pod := range list {
		if !b.gone[pod] {
			b.gone[pod], b.corpses[pod] = true, true
			b.s.Topology.Completing = append(b.s.Topology.Completing, pod)
		}
	}
	return list
}

// leaving reads pods that have been there so far, each of them once.
func (b *builder) leaving(texts []string, at string) []flow.Endpoint {
	var list []flow.Endpoint
	for i, text := range texts {
		path := strict.Index(at, i)
		pod, ok := b.podNamed(text, path)
		if !ok {
			continue
		}
		if slices.Contains(list, pod) {
			b.Wrong(path, "%q is listed twice", text)
			continue
		}
		b.stays(text, path)
		list = append(list, pod)
	}
	return list
}

// removal reads pod/NAMESPACE/NAME of a step's deletions: the object of a pod that
// completed in an earlier step.
func (b *builder) removal(text string, path string) (flow.Endpoint, bool) {
	pod, ok := b.podNamed(strings.TrimPrefix(text, "pod/"), path)
	switch {
	case !ok:
		return pod, false
	case !b.corpses[pod]:
		b.Wrong(path, "%q is not the object of a pod that completed in an earlier step and is still there: "+
			"to replace a pod that runs, write recreate", text)
		return pod, false
	}
	delete(b.corpses, pod)
	return pod, true
}

// reuses reads a map from the pod that is started to the one whose address it takes.
func (b *builder) reuses(texts map[string]string, a Act, at string) []Heir {
	var list []Heir
	for _, text := range slices.Sorted(maps.Keys(texts)) {
		path := strict.Entry(at, text)
		pod, ok := b.podNamed(text, path)
		of, known := b.podNamed(texts[text], path)
		if !ok || !known {
			continue
		}
		b.stays(text, path)
		switch {
		case !b.gone[of]:
			b.Wrong(path, "pod %q has not completed, so that nobody can have its address: complete it first", of.String())
		case b.node(pod) != b.node(of):
			b.Wrong(path, "pod %q is on node %d and %q on node %d: addresses stay on their node", pod.String(), b.node(pod), of.String(), b.node(of))
		case slices.Contains(a.Recreate, pod):
			b.Wrong(path, "pod %q is recreated in this step already", pod.String())
		case slices.ContainsFunc(list, func(h Heir) bool { return h.Of == of }):
			b.Wrong(path, "the address of pod %q is given away twice", of.String())
		}
		list = append(list, Heir{pod, of})
		b.renewed([]flow.Endpoint{pod})
	}
	return list
}

func (b *builder) node(e flow.Endpoint) int {
	for _, p := range b.s.Topology.Pods {
		if p.Endpoint() == e {
			return p.Node
		}
	}
	return 0
}
