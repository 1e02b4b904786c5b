package mutation

import (
	"fmt"
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
)

// fewNames are the mutations by which of many ports of a pod with a name not all have one.
func fewNames() []Mutation {
	var list []Mutation
	for _, most := range []int{1, 2, 4, 8} {
		known := fmt.Sprintf("the first %d are known by them", most)
		if most == 1 {
			known = "the first is known by its own"
		}
		list = append(list, Mutation{
			Name:     fmt.Sprintf("first-%d-named-ports-of-pods", most),
			Sentence: fmt.Sprintf("Of the ports of a pod that have names only %s.", known),
			New: func() Reader {
				return func(s oracle.State) oracle.State { return knownByName(s, most) }
			},
		})
	}
	return list
}

// knownByName is the state in which so many ports of each pod have their names.
func knownByName(s oracle.State, most int) oracle.State {
	s.Pods = slices.Clone(s.Pods)
	for i := range s.Pods {
		known := 0
		s.Pods[i].Ports = slices.Clone(s.Pods[i].Ports)
		for n, p := range s.Pods[i].Ports {
			if known == most {
				s.Pods[i].Ports[n] = flow.Port{Number: p.Number, Protocol: p.Protocol}
			}
			if p.Name != "" && known < most {
				known++
			}
		}
	}
	return s
}
