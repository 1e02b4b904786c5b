package mutation

import (
	"maps"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// bystanders are the mutations by which pods and namespaces that were not relabelled lose
// their labels to one that was, until they get others.
func bystanders() []Mutation {
	var list []Mutation
	for _, r := range []struct {
		name, text string
		holds      func(before, other scenario.Pod) bool
	}{
		{"equal-labels", "that has the labels that it had", func(before, other scenario.Pod) bool { return maps.Equal(before.Labels, other.Labels) }},
		{"equal-names", "of its name in other namespaces", func(before, other scenario.Pod) bool { return before.Name == other.Name }},
		{"its-namespace", "of its namespace", func(before, other scenario.Pod) bool { return before.Namespace == other.Namespace }},
		{"its-node", "of its node", func(before, other scenario.Pod) bool { return before.Node == other.Node }},
	} {
		list = append(list, Mutation{
			Name: "relabelled-pod-takes-labels-of-" + r.name, Sentence: "When a pod is relabelled, each pod " + r.text + " loses its labels.",
			New: func() Reader { return takesLabels(r.holds) },
		})
	}
	return append(list, Mutation{
		Name: "relabelled-namespace-takes-labels-of-others", Sentence: "When a namespace is relabelled, each other one loses its labels.",
		New: takesLabelsOfNamespaces,
	})
}

func takesLabels(holds func(before, other scenario.Pod) bool) Reader {
	old, lost := map[flow.Endpoint]scenario.Pod{}, map[flow.Endpoint]bool{}
	return func(s oracle.State) oracle.State {
		changed := func(p scenario.Pod) bool {
			before, known := old[p.Endpoint()]
			return known && !maps.Equal(before.Labels, p.Labels)
		}
		for _, cause := range s.Pods {
			if !changed(cause) {
				continue
			}
			for _, p := range s.Pods {
				if p.Endpoint() != cause.Endpoint() && holds(old[cause.Endpoint()], p) {
					lost[p.Endpoint()] = true
				}
			}
		}
		for _, p := range s.Pods {
			if changed(p) {
				delete(lost, p.Endpoint())
			}
			old[p.Endpoint()] = p
		}
		return relabelled(s,
			func(p scenario.Pod) labels { return unless(lost[p.Endpoint()], p.Labels) },
			func(_ string, now labels) labels { return now },
		)
	}
}

func takesLabelsOfNamespaces() Reader {
	old, lost := map[string]labels{}, map[string]bool{}
	return func(s oracle.State) oracle.State {
		for cause, now := range s.Namespaces {
			if before, known := old[cause]; !known || maps.Equal(before, now) {
				continue
			}
			for name, now := range s.Namespaces {
				if maps.Equal(old[name], now) {
					lost[name] = true
				} else {
					delete(lost, name)
				}
			}
		}
		maps.Copy(old, s.Namespaces)
		return relabelled(s,
			func(p scenario.Pod) labels { return p.Labels },
			func(name string, now labels) labels { return unless(lost[name], now) },
		)
	}
}

func unless(lost bool, l labels) labels {
	if lost {
		return nil
	}
	return l
}
