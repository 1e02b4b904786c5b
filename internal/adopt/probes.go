package adopt

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
)

// strangers is the namespace of a pod without labels, which nobody names: it shows
// what is closed to everybody else.
const strangers = "stranger"

// place replaces the workloads by probes: one for each set of labels and ports that
// a namespace has.
func (i *importer) place() error {
	ports := i.newPorts()
	selected := selectedKeys(i.policies)
	byKey := map[string]*Probe{}
	var order []*Probe
	for _, w := range sorted(i.workloads) {
		labels := i.keptLabels(w.String(), w.Labels, selected)
		p := &Probe{labels: labels, ports: ports.of(w)}
		key := keyOf(w.Namespace, p)
		if byKey[key] == nil {
			byKey[key] = p
			order = append(order, p)
		}
		byKey[key].For = append(byKey[key].For, w)
	}
	if most := i.options.MaxPods; len(order)*i.replicas() > most {
		return tooMany(order, i.replicas(), most)
	}
	i.name(order)
	i.addStranger()
	return nil
}

func sorted(list []Workload) []Workload {
	return slices.SortedStableFunc(slices.Values(list), func(a, b Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
}

func (i *importer) replicas() int {
	if i.options.Replicas && !i.options.OneNode {
		return 2
	}
	return 1
}

func keyOf(namespace string, p *Probe) string {
	text, err := json.Marshal([]any{namespace, p.labels, p.ports})
	if err != nil {
		return "" // unreachable: these types always marshal
	}
	return string(text)
}

func tooMany(order []*Probe, replicas, most int) error {
	counts := map[string]int{}
	for _, p := range order {
		counts[p.For[0].Namespace] += replicas
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return fmt.Errorf("the objects come to %d probe pods (%s), more than %d, and every one is tried from every other: "+
		"narrow them with --namespace or --selector, or raise --max-pods",
		len(order)*replicas, strings.Join(parts, ", "), most)
}

// name gives the probes their names and nodes. They take turns on two nodes, so that
// there are pairs on one node and across.
func (i *importer) name(order []*Probe) {
	taken := map[string]map[string]bool{}
	for n, p := range order {
		ns := i.names[p.For[0].Namespace]
		if taken[ns] == nil {
			taken[ns] = map[string]bool{}
		}
		node := n%2 + 1
		for replica := range i.replicas() {
			one := *p
			one.Pod = flow.Pod(ns, unique(podName(p.For[0].Name), taken[ns]))
			one.node = (node-1+replica)%2 + 1
			if i.options.OneNode {
				one.node = 1
			}
			i.probes = append(i.probes, one)
		}
	}
}

func (i *importer) addStranger() {
	i.namespaces = append(i.namespaces, namespace{name: strangers, comment: "added: a pod that no policy has heard of"})
	i.probes = append(i.probes, Probe{
		Pod: flow.Pod(strangers, strangers), node: 1, ports: []flow.Port{{Number: 8080, Protocol: flow.TCP}},
	})
}
