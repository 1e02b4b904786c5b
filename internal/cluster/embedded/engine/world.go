package engine

import (
	"cmp"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// world is every pod that has an address and the labels of every namespace.
type world struct {
	faults     Faults
	namespaces []namespace                      // by name
	pods       []*pod                           // by key
	index      map[key]int                      // in pods
	read       map[string]*metav1.LabelSelector // by their letters; only faulty engines remember
}

// namespace is a namespace and its pods, by name.
type namespace struct {
	name   string
	labels map[string]string
	pods   []*pod
}

func newWorld(faults Faults, labels map[string]map[string]string, pods map[key]*pod) *world {
	w := &world{faults: faults, index: map[key]int{}, read: map[string]*metav1.LabelSelector{}}
	byName := map[string]*namespace{}
	for _, p := range slices.SortedFunc(maps.Values(pods), func(a, b *pod) int { return a.key.compare(b.key) }) {
		if len(p.addrs) == 0 {
			continue
		}
		p = w.known(p)
		w.index[p.key] = len(w.pods)
		w.pods = append(w.pods, p)
		name, its := w.home(p, labels)
		n := byName[name]
		if n == nil {
			n = &namespace{name: p.namespace(), labels: its}
			byName[name] = n
		}
		n.pods = append(n.pods, p)
	}
	for _, n := range byName {
		w.namespaces = append(w.namespaces, *n)
	}
	slices.SortFunc(w.namespaces, func(a, b namespace) int { return cmp.Compare(a.name, b.name) })
	return w
}

// known is the pod as the engine knows it.
func (w *world) known(p *pod) *pod {
	if !w.faults.Has(OnlyFirstFamily) {
		return p
	}
	half := *p
	half.addrs = p.addrs[:1]
	return &half
}

// where is the pods for which the tests of namespace and pod hold.
func (w *world) where(inNamespace func(*namespace) bool, isPod func(*pod) bool) []*pod {
	var out []*pod
	for i := range w.namespaces {
		if !inNamespace(&w.namespaces[i]) {
			continue
		}
		for _, p := range w.namespaces[i].pods {
			if isPod(p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// addrsOf is all addresses of the pods.
func addrsOf(pods []*pod) addrSet {
	var out addrSet
	for _, p := range pods {
		for _, a := range p.addrs {
			out = append(out, oneAddr(a))
		}
	}
	return union(out)
}
