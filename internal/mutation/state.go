package mutation

import (
	"encoding/json"
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

type policy = networkingv1.NetworkPolicy

// policyName is a policy's name among all.
type policyName struct{ namespace, name string }

func nameOf(p *policy) policyName { return policyName{p.Namespace, p.Name} }

// eachPolicy misreads every policy by itself. The edit is handed a copy.
func eachPolicy(edit func(*policy)) func() Reader {
	return func() Reader {
		read := map[*policy]*policy{} // a policy stays the same object until it is changed
		return func(s oracle.State) oracle.State {
			list := make([]*policy, len(s.Policies))
			for i, p := range s.Policies {
				if read[p] == nil {
					read[p] = p.DeepCopy()
					edit(read[p])
				}
				list[i] = read[p]
			}
			s.Policies = list
			return s
		}
	}
}

// allPolicies misreads the policies of each moment together. The edit is handed copies.
func allPolicies(edit func([]*policy) []*policy) func() Reader {
	return func() Reader {
		return func(s oracle.State) oracle.State {
			s.Policies = edit(copies(s.Policies))
			return s
		}
	}
}

func copies(list []*policy) []*policy {
	made := make([]*policy, len(list))
	for i, p := range list {
		made[i] = p.DeepCopy()
	}
	return made
}

// relabelled is the state with other labels of pods and namespaces.
func relabelled(s oracle.State, pod func(scenario.Pod) map[string]string, namespace func(name string, labels map[string]string) map[string]string) oracle.State {
	s.Pods = slices.Clone(s.Pods)
	for i := range s.Pods {
		s.Pods[i].Labels = pod(s.Pods[i])
	}
	s.Namespaces = maps.Clone(s.Namespaces)
	for name, labels := range s.Namespaces {
		s.Namespaces[name] = namespace(name, labels)
	}
	return s
}

// alike reports whether two states say the same about policies, labels and ports.
func alike(a, b oracle.State) bool {
	return slices.EqualFunc(a.Policies, b.Policies, func(p, q *policy) bool {
		return p == q || nameOf(p) == nameOf(q) && sameSpec(p, q)
	}) && slices.EqualFunc(a.Pods, b.Pods, func(p, q scenario.Pod) bool {
		return p.Endpoint() == q.Endpoint() && maps.Equal(p.Labels, q.Labels) && slices.Equal(p.Ports, q.Ports)
	}) && maps.EqualFunc(a.Namespaces, b.Namespaces, maps.Equal[map[string]string])
}

func sameSpec(p, q *policy) bool { return equality.Semantic.DeepEqual(p.Spec, q.Spec) }

// text writes a piece of a policy out, so that pieces can be told apart.
func text(piece any) string {
	b, err := json.Marshal(piece)
	if err != nil {
		return err.Error() // pieces of policies can all be written
	}
	return string(b)
}
