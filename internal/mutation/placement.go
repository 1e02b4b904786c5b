package mutation

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// onNode is the key of a label that says where a pod is.
const onNode = "on-node"

// nodes are those that mutations tell apart; scenarios have no more.
func nodes() []string { return []string{"1", "2"} }

// placements are the mutations that depend on where pods are.
func placements() []Mutation {
	var list []Mutation
	for _, d := range directions() {
		for _, node := range nodes() {
			list = append(list, Mutation{
				Name:     fmt.Sprintf("%s-ignored-on-node-%s", d, node),
				Sentence: fmt.Sprintf("On node %s no pod is isolated for %s.", node, d),
				New:      placed(d, func(p *policy) []*policy { return []*policy{subjectNotOn(node, p)} }),
			})
		}
		list = append(list,
			Mutation{
				Name: string(d) + "-peers-of-own-node-alone", Sentence: "As peers of " + string(d) + " only pods of a pod's own node are known.",
				New: placed(d, func(p *policy) []*policy { return perNode(p, others) }),
			},
			Mutation{
				Name: string(d) + "-peers-of-other-nodes-alone", Sentence: "As peers of " + string(d) + " only pods of other nodes are known.",
				New: placed(d, func(p *policy) []*policy { return perNode(p, func(node string) []string { return []string{node} }) }),
			},
		)
	}
	return list
}

// placed turns each policy of the direction into others, whose selectors may ask for onNode.
// What it says of the other direction stays.
func placed(d direction, turn func(*policy) []*policy) func() Reader {
	return func() Reader {
		return func(s oracle.State) oracle.State {
			var list []*policy
			for _, p := range s.Policies {
				here := onlyOf(d, p.DeepCopy())
				if here == nil {
					list = append(list, p)
					continue
				}
				if there := onlyOf(d.other(), p.DeepCopy()); there != nil {
					list = append(list, there)
				}
				for i, part := range turn(here) {
					part.Name = fmt.Sprintf("%s-%s-%d", p.Name, d, i)
					list = append(list, part)
				}
			}
			if slices.Equal(list, s.Policies) {
				return s
			}
			s.Policies = list
			return relabelled(s,
				func(p scenario.Pod) labels { return with(p.Labels, onNode, strconv.Itoa(p.Node)) },
				func(_ string, now labels) labels { return now },
			)
		}
	}
}

// subjectNotOn is the policy without its pods on a node.
func subjectNotOn(node string, p *policy) *policy {
	p.Spec.PodSelector = narrowed(p.Spec.PodSelector, opNotIn, node)
	return p
}

// perNode is a policy for the pods of each node. Of its peers it knows no pods on the nodes
// that are left out; where a peer is that is no pod of the scenario nobody knows.
func perNode(p *policy, without func(node string) []string) []*policy {
	var list []*policy
	for _, node := range nodes() {
		part := p.DeepCopy()
		part.Spec.PodSelector = narrowed(part.Spec.PodSelector, opIn, node)
		for _, r := range rulesOf(part) {
			for i := range r.peers {
				if isBlock(r.peers[i]) {
					continue
				}
				var pods selector
				if r.peers[i].PodSelector != nil {
					pods = *r.peers[i].PodSelector
				}
				pods = narrowed(pods, opNotIn, without(node)...)
				r.peers[i].PodSelector = &pods
			}
		}
		list = append(list, part)
	}
	return list
}

// narrowed is the selector with one more requirement, of where a pod is.
func narrowed(s selector, operator metav1.LabelSelectorOperator, nodes ...string) selector {
	s.MatchExpressions = append(slices.Clone(s.MatchExpressions), requirement{Key: onNode, Operator: operator, Values: nodes})
	return s
}

func others(node string) []string {
	return slices.DeleteFunc(nodes(), func(n string) bool { return n == node })
}

func with(l labels, key, value string) labels {
	made := maps.Clone(l)
	if made == nil {
		made = labels{}
	}
	made[key] = value
	return made
}
