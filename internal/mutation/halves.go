package mutation

import (
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/cniproof/cniproof/internal/oracle"
)

// half is a part of a policy that an update may take over while it leaves another as it was.
type half struct {
	name, text string
	differs    func(a, b *policy) bool
	// keep gives the policy what the other one has there.
	keep func(p, other *policy)
}

func halves() []half {
	return []half{
		halfAt("subject", "the podSelector", func(p *policy) *selector { return &p.Spec.PodSelector }),
		halfAt("policy-types", "policyTypes", func(p *policy) *[]networkingv1.PolicyType { return &p.Spec.PolicyTypes }),
		halfAt("ingress", "the rules of ingress", func(p *policy) *[]networkingv1.NetworkPolicyIngressRule { return &p.Spec.Ingress }),
		halfAt("egress", "the rules of egress", func(p *policy) *[]networkingv1.NetworkPolicyEgressRule { return &p.Spec.Egress }),
	}
}

// halfAt is the part that a field of policies holds.
func halfAt[T any](name, text string, field func(*policy) *T) half {
	return half{
		name, text,
		func(a, b *policy) bool { return !equality.Semantic.DeepEqual(*field(a), *field(b)) },
		func(p, other *policy) { *field(p) = *field(other) },
	}
}

// halfTaken are the mutations by which an update that changes two parts takes over one.
func halfTaken() []Mutation {
	var list []Mutation
	for _, lost := range halves() {
		for _, taken := range halves() {
			if lost.name == taken.name {
				continue
			}
			list = append(list, Mutation{
				Name:     "update-of-" + taken.name + "-loses-" + lost.name,
				Sentence: "An update of " + taken.text + " and of " + lost.text + " takes over the former alone.",
				New: onUpdate(func(u update) *policy {
					if lost.differs(u.old, u.now) && taken.differs(u.old, u.now) {
						lost.keep(u.now, u.held)
					}
					return u.now
				}),
			})
		}
	}
	return list
}

// atOnce are the mutations by which policies that change at one moment get into each other's
// way.
func atOnce() []Mutation {
	var list []Mutation
	for _, e := range events() {
		for _, which := range []struct {
			name, text string
			counts     func(place, count int) bool
		}{
			{"first", "the first by namespace and name", func(place, _ int) bool { return place == 0 }},
			{"last", "the last by namespace and name", func(place, count int) bool { return place == count-1 }},
		} {
			list = append(list, Mutation{
				Name:     which.name + "-" + e.name + "-of-several-only",
				Sentence: "Where " + e.several + " at once, only " + which.text + " is seen to.",
				New:      onlySome(e, which.counts),
			})
		}
	}
	return list
}

// onlySome keeps of the policies to which it happens at one moment what they were before,
// but for some.
func onlySome(e event, counts func(place, count int) bool) func() Reader {
	return func() Reader {
		old, held := map[policyName]*policy{}, map[policyName]*policy{}
		return func(s oracle.State) oracle.State {
			now := byName(s.Policies)
			var affected []policyName
			for name := range bothNames(old, now) {
				switch {
				case old[name] != nil && now[name] != nil && sameSpec(old[name], now[name]):
				case e.happens(old[name], now[name]):
					affected = append(affected, name)
				default:
					held[name] = now[name]
				}
			}
			slices.SortFunc(affected, policyName.compare)
			for i, name := range affected {
				if counts(i, len(affected)) {
					held[name] = now[name]
				}
			}
			old = now
			maps.DeleteFunc(held, func(_ policyName, p *policy) bool { return p == nil })
			s.Policies = slices.SortedFunc(maps.Values(held), func(a, b *policy) int { return nameOf(a).compare(nameOf(b)) })
			return s
		}
	}
}

func bothNames(a, b map[policyName]*policy) map[policyName]*policy {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func (n policyName) compare(other policyName) int {
	return strings.Compare(n.namespace+"/"+n.name, other.namespace+"/"+other.name)
}
