package mutation

import (
	"fmt"
	"iter"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8slabels "k8s.io/apimachinery/pkg/labels"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// memberships are the mutations by which a pod that leaves one selector leaves others that
// match it still, until labels of it or the policy change.
func memberships() []Mutation {
	return []Mutation{
		{Name: "pod-leaves-peers-of-a-rule", Sentence: "When one peer of a rule matches a pod no more, the other peers of that rule let it go.", New: leaves(func(s slot) string { return s.rule })},
		{Name: "pod-leaves-peers-of-a-policy", Sentence: "When one peer of a policy matches a pod no more, all peers of that policy let it go.", New: leaves(ofPeer(func(s slot) string { return s.policy.namespace + "/" + s.policy.name }))},
		{Name: "pod-leaves-peers-of-a-direction", Sentence: "When one peer matches a pod no more, the peers of all policies for that direction let it go.", New: leaves(ofPeer(func(s slot) string { return string(s.direction) }))},
		{Name: "pod-leaves-subjects", Sentence: "When one policy selects a pod no more, it is let go by the others of its namespace.", New: leaves(func(s slot) string {
			if s.isPeer() {
				return ""
			}
			return s.policy.namespace
		})},
	}
}

// ofPeer puts peers alone into groups.
func ofPeer(group func(slot) string) func(slot) string {
	return func(s slot) string {
		if !s.isPeer() {
			return ""
		}
		return group(s)
	}
}

// slot is a place in a policy where pods are selected: its podSelector, or a peer.
type slot struct {
	policy    policyName
	id        string // among the slots of the policy
	rule      string // of a peer: the policy's and its own; "" for a podSelector
	direction direction
	pods      *selector // nil: there is none
	spaces    *selector // nil: the policy's own namespace
}

func (s slot) isPeer() bool { return s.rule != "" }

// key names the slot among all.
func (s slot) key() string { return fmt.Sprintf("%s/%s %s", s.policy.namespace, s.policy.name, s.id) }

// slots are those of a policy. What they hold are its own selectors; where a peer has no
// podSelector it gets one that selects all.
func slots(p *policy) []slot {
	list := []slot{{policy: nameOf(p), id: "subject", pods: &p.Spec.PodSelector}}
	for _, d := range directions() {
		for i, r := range d.of(p) {
			for j := range r.peers {
				if isBlock(r.peers[j]) {
					continue
				}
				if r.peers[j].PodSelector == nil {
					r.peers[j].PodSelector = &selector{}
				}
				rule := fmt.Sprintf("%s/%s %s %d", p.Namespace, p.Name, d, i)
				list = append(list, slot{nameOf(p), fmt.Sprint(rule, " ", j), rule, d, r.peers[j].PodSelector, r.peers[j].NamespaceSelector})
			}
		}
	}
	return list
}

// eachSlot yields the slots of policies, in their order.
func eachSlot(list []*policy) iter.Seq[slot] {
	return func(yield func(slot) bool) {
		for _, p := range list {
			for _, one := range slots(p) {
				if !yield(one) {
					return
				}
			}
		}
	}
}

type members map[flow.Endpoint]bool

// in are the pods that the slot selects.
func (s slot) in(state oracle.State) members {
	list := members{}
	for _, p := range state.Pods {
		own := s.spaces == nil && p.Namespace == s.policy.namespace
		if (own || s.spaces != nil && selects(s.spaces, with(state.Namespaces[p.Namespace], corev1.LabelMetadataName, p.Namespace))) && selects(s.pods, p.Labels) {
			list[p.Endpoint()] = true
		}
	}
	return list
}

func selects(s *selector, l labels) bool {
	made, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && made.Matches(k8slabels.Set(l))
}

// memberLabel tells pods apart where a selector is to leave some out.
const memberLabel = "mutation.example/pod"

// leaves lets a pod that leaves a slot go from the others of its group; "": the slot has none.
func leaves(group func(slot) string) func() Reader {
	return func() Reader {
		var before oracle.State
		old, lost := map[string]members{}, map[string]members{}
		return func(s oracle.State) oracle.State {
			made := s
			made.Policies = copies(s.Policies)
			same := unchangedPolicies(before, s)
			now, byGroup := map[string]members{}, map[string][]string{}
			edit := map[string]slot{}
			for one := range eachSlot(made.Policies) {
				if group(one) == "" {
					continue
				}
				id := one.key()
				now[id], edit[id] = one.in(s), one
				if !same[one.policy] || lost[id] == nil {
					lost[id], old[id] = members{}, nil
				}
				byGroup[group(one)] = append(byGroup[group(one)], id)
			}
			forgive(lost, before, s)
			for _, ids := range byGroup {
				letGo(ids, old, now, lost)
			}
			before, old = s, now
			return withoutMembers(s, made, edit, lost)
		}
	}
}

// unchangedPolicies are those that were there with the same spec.
func unchangedPolicies(before, s oracle.State) map[policyName]bool {
	old, same := byName(before.Policies), map[policyName]bool{}
	for _, p := range s.Policies {
		same[nameOf(p)] = old[nameOf(p)] != nil && sameSpec(old[nameOf(p)], p)
	}
	return same
}

// forgive has pods of which labels have changed be what they are.
func forgive(lost map[string]members, before, s oracle.State) {
	old := map[flow.Endpoint]labels{}
	for _, p := range before.Pods {
		old[p.Endpoint()] = p.Labels
	}
	for _, p := range s.Pods {
		if maps.Equal(old[p.Endpoint()], p.Labels) && maps.Equal(before.Namespaces[p.Namespace], s.Namespaces[p.Namespace]) {
			continue
		}
		for _, gone := range lost {
			delete(gone, p.Endpoint())
		}
	}
}

// letGo notes the pods that one of the slots has lost, for those that have them still.
func letGo(ids []string, old, now, lost map[string]members) {
	for _, id := range ids {
		for pod := range old[id] {
			if now[id][pod] {
				continue
			}
			for _, other := range ids {
				if old[other][pod] && now[other][pod] {
					lost[other][pod] = true
				}
			}
		}
	}
}

// withoutMembers is the state in which slots leave pods out.
func withoutMembers(s, made oracle.State, edit map[string]slot, lost map[string]members) oracle.State {
	some := false
	for id, one := range edit {
		if len(lost[id]) > 0 {
			some = true
			one.pods.MatchExpressions = append(one.pods.MatchExpressions, requirement{Key: memberLabel, Operator: opNotIn, Values: names(lost[id])})
		}
	}
	if !some {
		return s
	}
	return byNames(made)
}

// byNames has each pod bear the label by which it is told apart.
func byNames(s oracle.State) oracle.State {
	return relabelled(s,
		func(p scenario.Pod) labels { return with(p.Labels, memberLabel, memberName(p.Endpoint())) },
		func(_ string, l labels) labels { return l },
	)
}
