package mutation

import (
	"slices"

	"github.com/cniproof/cniproof/internal/oracle"
)

// piece is a kind of thing that several rules may have in common, and a plugin may keep once
// for all of them.
type piece struct {
	name, text string
	of         func(*policy) []string
	drop       func(p *policy, gone func(key string) bool)
}

func pieces() []piece {
	return []piece{
		peerPieces("peers", "peer", func(namespace string, p peer) string {
			if p.NamespaceSelector != nil || isBlock(p) {
				return text(p)
			}
			return namespace + text(p)
		}),
		peerPieces("selectors-of-pods", "podSelector of a peer", func(_ string, p peer) string {
			if p.PodSelector == nil {
				return ""
			}
			return text(requirements(*p.PodSelector))
		}),
		peerPieces("selectors-of-namespaces", "namespaceSelector", func(_ string, p peer) string {
			if p.NamespaceSelector == nil {
				return ""
			}
			return text(requirements(*p.NamespaceSelector))
		}),
		peerPieces("cidrs", "CIDR", func(_ string, p peer) string {
			if !isBlock(p) {
				return ""
			}
			return p.IPBlock.CIDR
		}),
		portPieces("ports", "port", whole),
		portPieces("names-of-ports", "name of a port", func(p port) string {
			if !isNamed(p) {
				return ""
			}
			return p.Port.StrVal
		}),
	}
}

// peerPieces are parts of peers, each with a key; "": there is none.
func peerPieces(name, text string, key func(namespace string, p peer) string) piece {
	return piece{
		name, text,
		func(p *policy) []string {
			return keys(itemsOf(p, peersOfRule), func(one peer) string { return key(p.Namespace, one) })
		},
		func(p *policy, gone func(string) bool) {
			dropPieces(p, dropFrom(peersOfRule, func(one peer) bool { return gone(key(p.Namespace, one)) }))
		},
	}
}

func portPieces(name, text string, key func(port) string) piece {
	return piece{
		name, text,
		func(p *policy) []string { return keys(itemsOf(p, portsOfRule), key) },
		func(p *policy, gone func(string) bool) {
			dropPieces(p, dropFrom(portsOfRule, func(one port) bool { return gone(key(one)) }))
		},
	}
}

func keys[T any](items []T, key func(T) string) []string {
	var list []string
	for _, one := range items {
		if k := key(one); k != "" {
			list = append(list, k)
		}
	}
	return list
}

func dropPieces(p *policy, drop edit) {
	for _, d := range directions() {
		d.set(p, drop(p.Namespace, d.of(p)))
	}
}

// sharedPieces are the mutations by which what is kept once for several is given up, or is
// kept, by one of them alone.
func sharedPieces() []Mutation {
	var list []Mutation
	for _, k := range pieces() {
		list = append(list,
			Mutation{
				Name:     "update-takes-" + k.name + "-from-others",
				Sentence: "When an update takes a " + k.text + " out of a policy, other policies lose it, until they change.",
				New:      takesPieces(k, true),
			},
			Mutation{
				Name:     "deletion-takes-" + k.name + "-from-others",
				Sentence: "When a policy is deleted, others lose each " + k.text + " that it had, until they change.",
				New:      takesPieces(k, false),
			},
			Mutation{
				Name:     "update-takes-" + k.name + "-from-its-rules",
				Sentence: "When an update takes a " + k.text + " out of one rule of a policy, its other rules lose it, until it changes again.",
				New:      takesFromRules(k),
			},
			Mutation{
				Name:     "update-leaves-shared-" + k.name,
				Sentence: "An update that takes a " + k.text + " out of a policy is missed while another policy has that too.",
				New:      leavesShared(k),
			},
		)
	}
	return list
}

// takesPieces lets policies lose what others had and have no more.
func takesPieces(k piece, byUpdate bool) func() Reader {
	return func() Reader {
		old, lost := map[policyName]*policy{}, map[policyName]map[string]bool{}
		return func(s oracle.State) oracle.State {
			now := byName(s.Policies)
			for name, p := range now {
				if before := old[name]; before == nil || !sameSpec(before, p) {
					lost[name] = map[string]bool{}
				}
			}
			for cause, before := range old {
				if (now[cause] != nil) == byUpdate {
					loseFrom(lost, cause, k.givenUp(before, now[cause]), old, now)
				}
			}
			old = now
			return withoutPieces(s, k, lost)
		}
	}
}

// givenUp are the keys of what a policy had and has no more; it may be gone altogether.
func (k piece) givenUp(before, after *policy) []string {
	had := k.of(before)
	if after == nil {
		return had
	}
	has := k.of(after)
	return slices.DeleteFunc(had, func(key string) bool { return slices.Contains(has, key) })
}

// loseFrom notes the pieces for the policies that have not changed, but for the cause.
func loseFrom(lost map[policyName]map[string]bool, cause policyName, keys []string, old, now map[policyName]*policy) {
	for name, p := range now {
		if name == cause || old[name] == nil || !sameSpec(old[name], p) {
			continue
		}
		for _, key := range keys {
			lost[name][key] = true
		}
	}
}

// withoutPieces is the state in which policies have lost pieces.
func withoutPieces(s oracle.State, k piece, lost map[policyName]map[string]bool) oracle.State {
	s.Policies = slices.Clone(s.Policies)
	for i, p := range s.Policies {
		gone := lost[nameOf(p)]
		if !slices.ContainsFunc(k.of(p), func(key string) bool { return gone[key] }) {
			continue
		}
		s.Policies[i] = p.DeepCopy()
		k.drop(s.Policies[i], func(key string) bool { return gone[key] })
	}
	return s
}

// takesFromRules lets a policy lose what an update took out of some of its rules, but not of
// all of them.
func takesFromRules(k piece) func() Reader {
	return onUpdate(func(u update) *policy {
		count := func(p *policy, key string) int {
			return len(slices.DeleteFunc(k.of(p), func(other string) bool { return other != key }))
		}
		old, now := u.old, u.now.DeepCopy()
		k.drop(u.now, func(key string) bool { return count(now, key) < count(old, key) })
		return u.now
	})
}

// leavesShared misses updates after which another policy alone has something.
func leavesShared(k piece) func() Reader {
	return func() Reader {
		var others []*policy
		read := onUpdate(func(u update) *policy {
			now := k.of(u.now)
			for _, key := range k.of(u.old) {
				if slices.Contains(now, key) {
					continue
				}
				if slices.ContainsFunc(others, func(p *policy) bool { return nameOf(p) != nameOf(u.now) && slices.Contains(k.of(p), key) }) {
					return u.held
				}
			}
			return u.now
		})()
		return func(s oracle.State) oracle.State {
			others = s.Policies
			return read(s)
		}
	}
}
