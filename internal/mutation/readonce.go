package mutation

import (
	"maps"

	corev1 "k8s.io/api/core/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// readOnce are the mutations by which one place of policies goes by the labels that pods and
// namespaces came with, whatever they have now.
func readOnce() []Mutation {
	var list []Mutation
	for _, p := range places() {
		list = append(list, at(p.name, "labels-read-once", "labels are those that a pod or a namespace came with", readsOnce(p)))
	}
	return list
}

// came begins the keys of labels that a pod or a namespace came with: those of now stand
// beside them, for the other places.
const came = "came."

func readsOnce(p place) func() Reader {
	return func() Reader {
		ofPods, ofNamespaces := map[flow.Endpoint]labels{}, map[string]labels{}
		return func(s oracle.State) oracle.State {
			then := relabelled(s,
				func(p scenario.Pod) labels { return earliest(ofPods, p.Endpoint(), p.Labels) },
				func(name string, now labels) labels { return earliest(ofNamespaces, name, now) },
			)
			if alike(then, s) {
				return s
			}
			s = relabelled(s,
				func(p scenario.Pod) labels { return beside(p.Labels, ofPods[p.Endpoint()]) },
				func(name string, now labels) labels {
					return beside(now, with(ofNamespaces[name], corev1.LabelMetadataName, name))
				},
			)
			s.Policies = copies(s.Policies)
			for _, np := range s.Policies {
				p.each(np, goBack)
			}
			return s
		}
	}
}

// earliest is the first that was there under a key.
func earliest[K comparable](kept map[K]labels, key K, now labels) labels {
	if _, known := kept[key]; !known {
		kept[key] = now
	}
	return kept[key]
}

// beside is labels with those that were there when they came.
func beside(now, then labels) labels {
	all := labels{}
	maps.Copy(all, now)
	for key, value := range then {
		all[came+key] = value
	}
	return all
}

// goBack has a selector ask for the labels that came.
func goBack(s *selector) {
	list := requirements(*s)
	for i := range list {
		list[i].Key = came + list[i].Key
	}
	*s = selector{MatchExpressions: list}
}
