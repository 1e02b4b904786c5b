package mutation

import (
	"fmt"
	"maps"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// labels are keys with their values.
type labels = map[string]string

// missing is a way to miss a change of labels: what the plugin has from then on, of what it
// had and of what there is.
type missing struct {
	name, text string
	take       func(held, now labels) labels
}

func missings() []missing {
	return []missing{
		{"added-labels", "labels that are added", func(held, now labels) labels {
			return without(now, func(key string) bool { return !has(held, key) })
		}},
		{"removed-labels", "labels that are removed", func(held, now labels) labels {
			made := maps.Clone(held)
			if made == nil {
				return now
			}
			maps.Copy(made, now)
			return made
		}},
		{"changed-values", "other values of labels", func(held, now labels) labels {
			made := maps.Clone(now)
			for key := range made {
				if has(held, key) {
					made[key] = held[key]
				}
			}
			return made
		}},
		{"all-relabelling", "all changes of labels", func(held, _ labels) labels { return held }},
	}
}

func has(l labels, key string) bool {
	_, yes := l[key]
	return yes
}

func without(l labels, match func(key string) bool) labels {
	made := maps.Clone(l)
	maps.DeleteFunc(made, func(key, _ string) bool { return match(key) })
	return made
}

func relabelling() []Mutation {
	var list []Mutation
	for _, m := range missings() {
		list = append(list,
			Mutation{Name: m.name + "-of-pods-missed", Sentence: "Of pods " + m.text + " are missed.", New: missed(m, func(scenario.Pod) bool { return true }, false)},
			Mutation{Name: m.name + "-of-namespaces-missed", Sentence: "Of namespaces " + m.text + " are missed.", New: missed(m, func(scenario.Pod) bool { return false }, true)},
		)
		for node := 1; node <= 2; node++ {
			list = append(list, Mutation{
				Name:     fmt.Sprintf("%s-of-pods-missed-on-node-%d", m.name, node),
				Sentence: fmt.Sprintf("Of pods on node %d %s are missed.", node, m.text),
				New:      missed(m, func(p scenario.Pod) bool { return p.Node == node }, false),
			})
		}
	}
	return list
}

// missed misses changes of the pods that match, or of namespaces.
func missed(m missing, match func(scenario.Pod) bool, namespaces bool) func() Reader {
	return func() Reader {
		ofPods, ofNamespaces := map[flow.Endpoint]labels{}, map[string]labels{}
		return func(s oracle.State) oracle.State {
			return relabelled(s,
				func(p scenario.Pod) labels { return remember(ofPods, p.Endpoint(), p.Labels, m, match(p)) },
				func(name string, now labels) labels { return remember(ofNamespaces, name, now, m, namespaces) },
			)
		}
	}
}

// remember is what the plugin has of the labels, and keeps it.
func remember[K comparable](kept map[K]labels, key K, now labels, m missing, misses bool) labels {
	if held, known := kept[key]; known && misses {
		now = m.take(held, now)
	}
	kept[key] = now
	return now
}
