package reading

import (
	"maps"
	"reflect"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/oracle"
)

// changed is a reading in which something of the last step was missed. The steps
// before it are read as they should be.
func changed(mix func(before, now oracle.State) oracle.State) func(*evidence, int) []prediction {
	return func(e *evidence, moment int) []prediction {
		if moment < e.last() || moment == 0 {
			return []prediction{of(e.state(moment), e)}
		}
		return []prediction{of(mix(e.state(moment-1), e.state(moment)), e)}
	}
}

// stepMissed keeps what was, at the addresses of now. It is for steps that changed
// both labels and policies: other readings are about one of them.
func stepMissed(e *evidence, moment int) []prediction {
	if moment == 0 {
		return []prediction{of(e.state(0), e)}
	}
	before, now := e.state(moment-1), e.state(moment)
	labels := !reflect.DeepEqual(before.Pods, now.Pods) || !reflect.DeepEqual(before.Namespaces, now.Namespaces)
	if moment < e.last() {
		return []prediction{of(now, e)}
	}
	if !labels || samePolicies(before.Policies, now.Policies) {
		return nil
	}
	before.Binding = now.Binding
	return []prediction{of(before, e)}
}

func podLabels(before, now oracle.State) oracle.State {
	now.Pods = before.Pods
	return now
}

func namespaceLabels(before, now oracle.State) oracle.State {
	now.Namespaces = before.Namespaces
	return now
}

// removedLabels adds to what is there what was taken away.
func removedLabels(before, now oracle.State) oracle.State {
	now.Pods = slices.Clone(now.Pods)
	for i := range now.Pods {
		for _, old := range before.Pods {
			if old.Endpoint() == now.Pods[i].Endpoint() {
				now.Pods[i].Labels = merged(old.Labels, now.Pods[i].Labels)
			}
		}
	}
	all := map[string]map[string]string{}
	for name, labels := range now.Namespaces {
		all[name] = merged(before.Namespaces[name], labels)
	}
	now.Namespaces = all
	return now
}

func merged(old, fresh map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, old)
	maps.Copy(all, fresh)
	return all
}

func policyCreations(before, now oracle.State) oracle.State {
	now.Policies = slices.DeleteFunc(slices.Clone(now.Policies), func(p *networkingv1.NetworkPolicy) bool { return find(before.Policies, p) == nil })
	return now
}

func policyDeletions(before, now oracle.State) oracle.State {
	now.Policies = slices.Clone(now.Policies)
	for _, old := range before.Policies {
		if find(now.Policies, old) == nil {
			now.Policies = append(now.Policies, old)
		}
	}
	return now
}

func policyUpdates(before, now oracle.State) oracle.State {
	now.Policies = slices.Clone(now.Policies)
	for i, p := range now.Policies {
		if old := find(before.Policies, p); old != nil {
			now.Policies[i] = old
		}
	}
	return now
}

// samePolicies compares without regard to the order, which is none.
func samePolicies(a, b []*networkingv1.NetworkPolicy) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(p *networkingv1.NetworkPolicy) bool {
		other := find(b, p)
		return other == nil || !reflect.DeepEqual(p.Spec, other.Spec)
	})
}

// find is the policy of the same name.
func find(list []*networkingv1.NetworkPolicy, p *networkingv1.NetworkPolicy) *networkingv1.NetworkPolicy {
	for _, other := range list {
		if other.Namespace == p.Namespace && other.Name == p.Name {
			return other
		}
	}
	return nil
}

// bystandersForgotten forgets, at an update, one policy that did not change, or all of them.
func bystandersForgotten(e *evidence, moment int) []prediction {
	if e.last() == 0 {
		return nil
	}
	before, now := e.state(e.last()-1), e.state(e.last())
	var same []*networkingv1.NetworkPolicy
	updated := false
	for _, p := range now.Policies {
		switch old := find(before.Policies, p); {
		case old == nil:
		case reflect.DeepEqual(old.Spec, p.Spec):
			same = append(same, p)
		default:
			updated = true
		}
	}
	if !updated || len(same) == 0 {
		return nil
	}
	var variants []prediction
	for i := range same {
		variants = append(variants, forgotten(e, moment, same[i:i+1]))
	}
	return append(variants, forgotten(e, moment, same))
}

// forgotten is the last moment without some policies, and every other one as it should be.
func forgotten(e *evidence, moment int, lost []*networkingv1.NetworkPolicy) prediction {
	s := e.state(moment)
	if moment == e.last() {
		s.Policies = slices.DeleteFunc(slices.Clone(s.Policies), func(p *networkingv1.NetworkPolicy) bool { return find(lost, p) != nil })
	}
	return of(s, e)
}
