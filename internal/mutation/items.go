package mutation

import "slices"

func peersOfRule(r *rule) *[]peer { return &r.peers }
func portsOfRule(r *rule) *[]port { return &r.ports }

// changeEach changes those of the peers, or ports, of every rule that match.
func changeEach[T any](of func(*rule) *[]T, match func(T) bool, change func(*T)) edit {
	return eachRule(func(r *rule) {
		items := *of(r)
		for i := range items {
			if match(items[i]) {
				change(&items[i])
			}
		}
	})
}

// dropFrom takes peers, or ports, away. A rule that is left without any admits nothing.
func dropFrom[T any](of func(*rule) *[]T, match func(T) bool) edit {
	return func(_ string, list []rule) []rule {
		list = slices.DeleteFunc(list, func(r rule) bool { return len(*of(&r)) > 0 && all(*of(&r), match) })
		for i := range list {
			items := of(&list[i])
			*items = slices.DeleteFunc(*items, match)
		}
		return list
	}
}

// keepIfAny takes away what does not match, in rules in which something does.
func keepIfAny[T any](of func(*rule) *[]T, match func(T) bool) edit {
	return eachRule(func(r *rule) {
		if items := of(r); slices.ContainsFunc(*items, match) {
			*items = slices.DeleteFunc(*items, func(one T) bool { return !match(one) })
		}
	})
}

func all[T any](list []T, match func(T) bool) bool {
	return !slices.ContainsFunc(list, func(one T) bool { return !match(one) })
}
