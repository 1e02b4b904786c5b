package reading

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
)

// state is a reading that is the right one of another state.
func state(change func(oracle.State) oracle.State) func(*evidence, int) []prediction {
	return func(e *evidence, moment int) []prediction {
		return []prediction{of(change(e.state(moment)), e)}
	}
}

// of predicts by a state; nil where it is none that an API server would take.
func of(s oracle.State, e *evidence) prediction {
	w, err := oracle.NewWorld(s)
	if err != nil {
		return nil
	}
	return func(i int) flow.Verdict { return w.Expect(e.flows[i]) }
}

// policies is a reading that changes every policy by itself.
func policies(change func(*networkingv1.NetworkPolicy)) func(*evidence, int) []prediction {
	return state(func(s oracle.State) oracle.State { return edited(s, change) })
}

func edited(s oracle.State, change func(*networkingv1.NetworkPolicy)) oracle.State {
	list := make([]*networkingv1.NetworkPolicy, len(s.Policies))
	for i, p := range s.Policies {
		list[i] = p.DeepCopy()
		change(list[i])
	}
	s.Policies = list
	return s
}

// eachRule changes the peers and ports of every rule.
func eachRule(p *networkingv1.NetworkPolicy, change func(*[]networkingv1.NetworkPolicyPeer, *[]networkingv1.NetworkPolicyPort)) {
	for i := range p.Spec.Ingress {
		change(&p.Spec.Ingress[i].From, &p.Spec.Ingress[i].Ports)
	}
	for i := range p.Spec.Egress {
		change(&p.Spec.Egress[i].To, &p.Spec.Egress[i].Ports)
	}
}

// withoutDirection makes policies say nothing about one direction. One that says
// nothing else is as good as gone.
func withoutDirection(direction networkingv1.PolicyType) func(oracle.State) oracle.State {
	return func(s oracle.State) oracle.State {
		s = edited(s, func(p *networkingv1.NetworkPolicy) {
			p.Spec.PolicyTypes = slices.DeleteFunc(p.Spec.PolicyTypes, func(t networkingv1.PolicyType) bool { return t == direction })
		})
		s.Policies = slices.DeleteFunc(s.Policies, func(p *networkingv1.NetworkPolicy) bool { return len(p.Spec.PolicyTypes) == 0 })
		return s
	}
}

// policiesEverywhere puts a copy of each policy into every namespace. Its peers stay
// those of its home.
func policiesEverywhere(s oracle.State) oracle.State {
	var all []*networkingv1.NetworkPolicy
	for _, p := range s.Policies {
		home := p.DeepCopy()
		eachRule(home, func(peers *[]networkingv1.NetworkPolicyPeer, _ *[]networkingv1.NetworkPolicyPort) {
			for i := range *peers {
				if peer := &(*peers)[i]; peer.PodSelector != nil && peer.NamespaceSelector == nil {
					peer.NamespaceSelector = namespaceCalled(p.Namespace)
				}
			}
		})
		for name := range s.Namespaces {
			there := home.DeepCopy()
			there.Name, there.Namespace = p.Namespace+"."+p.Name, name
			all = append(all, there)
		}
	}
	s.Policies = all
	return s
}
