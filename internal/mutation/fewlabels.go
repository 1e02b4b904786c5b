package mutation

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// fewLabels are the mutations by which of many labels not all count.
func fewLabels() []Mutation {
	var list []Mutation
	same := func(l labels) labels { return l }
	for _, most := range []int{4, 8, 16} {
		for _, first := range []bool{true, false} {
			keep, word := fewOf(most, first), map[bool]string{true: "first", false: "last"}[first]
			of := func(what string, pod, namespace func(labels) labels) {
				list = append(list, Mutation{
					Name:     fmt.Sprintf("%s-%d-labels-of-%ss", word, most, what),
					Sentence: fmt.Sprintf("Of the labels of a %s only the %s %d by their keys count.", what, word, most),
					New:      labelled(pod, namespace),
				})
			}
			of("pod", keep, same)
			of("namespace", same, keep)
		}
	}
	return list
}

// fewOf keeps so many labels, from the beginning or the end of the alphabet.
func fewOf(most int, first bool) func(labels) labels {
	return func(l labels) labels {
		if len(l) <= most {
			return l
		}
		keys := slices.Sorted(maps.Keys(l))
		if first {
			keys = keys[:most]
		} else {
			keys = keys[len(keys)-most:]
		}
		return without(l, func(key string) bool { return !slices.Contains(keys, key) })
	}
}

func labelled(pod, namespace func(labels) labels) func() Reader {
	return func() Reader {
		return func(s oracle.State) oracle.State {
			return relabelled(s,
				func(p scenario.Pod) labels { return pod(p.Labels) },
				func(_ string, l labels) labels { return namespace(l) })
		}
	}
}
