package scenario

import (
	"maps"
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/strict"
)

// Renewal deletes a namespace with all that is in it and makes another one of the same
// name, with these labels, the same pods and no policy.
type Renewal struct {
	Namespace
	Pods []flow.Endpoint // of the topology, in that namespace
}

// renewals reads a map from namespaces to what they are then. The policies in them are
// gone.
func (b *builder) renewals(docs map[string]namespaceDoc, at string) []Renewal {
	var list []Renewal
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		path := strict.Entry(at, name)
		if name == kubeSystem {
			b.Wrong(path, "kube-system cannot be deleted")
			continue
		}
		b.namespaceExists(name, path)
		b.labels(docs[name].Labels, strict.Child(path, "labels"))
		r := Renewal{Namespace: Namespace{name, docs[name].Labels}}
		for _, p := range b.s.Topology.Pods {
			if p.Namespace != name {
				continue
			}
			r.Pods = append(r.Pods, p.Endpoint())
			if b.gone[p.Endpoint()] {
				b.Wrong(path, "pod %q in it has completed and takes part no more", p.Endpoint().String())
			}
			if b.terminating[p.Endpoint()] {
				b.Wrong(path, "pod %q in it terminates, and the namespace would wait for its end", p.Endpoint().String())
			}
		}
		maps.DeleteFunc(b.policies, func(key PolicyKey, _ bool) bool { return key.Namespace == name })
		b.renewed(r.Pods)
		list = append(list, r)
	}
	return list
}
