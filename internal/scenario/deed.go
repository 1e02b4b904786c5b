package scenario

import "maps"

// Deed is a kind of thing that a step does to a cluster.
type Deed string

// The deeds, in the order in which a step does them.
const (
	Renew     Deed = "renew"     // a namespace
	Ready     Deed = "ready"     // a pod, or no more
	Create    Deed = "create"    // a policy
	Update    Deed = "update"    // a policy that was there
	Delete    Deed = "delete"    // a policy
	Label     Deed = "label"     // a pod or a namespace
	Complete  Deed = "complete"  // a pod
	Terminate Deed = "terminate" // a pod, which goes on for its grace period
	Remove    Deed = "remove"    // the object of a completed pod
	Recreate  Deed = "recreate"  // a pod
	Reuse     Deed = "reuse"     // the address of a completed pod
	Eager     Deed = "eager"     // a pod that is recreated
	Restart   Deed = "restart"   // the CNI's agent
)

// Deeds are all deeds, in their order.
func Deeds() []Deed {
	return []Deed{Renew, Ready, Create, Update, Delete, Label, Complete, Terminate, Remove, Recreate, Reuse, Eager, Restart}
}

// Deeds says for every step what it does, each kind once.
func (s *Scenario) Deeds() [][]Deed {
	all := make([][]Deed, len(s.Steps))
	exists := map[PolicyKey]bool{}
	for i, step := range s.Steps {
		does := map[Deed]bool{}
		for range min(step.Times, 2) { // what is there at the end of a round may matter to the next
			for _, act := range step.Acts {
				act.does(does, exists)
			}
		}
		for _, d := range Deeds() {
			if does[d] {
				all[i] = append(all[i], d)
			}
		}
	}
	return all
}

// does notes what the act does, and which policies exist after it.
func (a Act) does(found map[Deed]bool, exists map[PolicyKey]bool) {
	for _, r := range a.Renew {
		found[Renew] = true
		maps.DeleteFunc(exists, func(key PolicyKey, _ bool) bool { return key.Namespace == r.Name })
	}
	for _, m := range a.Apply {
		if exists[m.Key()] {
			found[Update] = true
		} else {
			found[Create] = true
		}
		exists[m.Key()] = true
	}
	for _, key := range a.Delete {
		delete(exists, key)
	}
	found[Ready] = found[Ready] || len(a.Ready) > 0
	found[Delete] = found[Delete] || len(a.Delete) > 0
	found[Label] = found[Label] || len(a.Label) > 0
	found[Complete] = found[Complete] || len(a.Complete) > 0
	found[Terminate] = found[Terminate] || len(a.Terminate) > 0
	found[Remove] = found[Remove] || len(a.Remove) > 0
	found[Reuse] = found[Reuse] || len(a.Reuse) > 0
	found[Eager] = found[Eager] || len(a.Eager) > 0
	found[Recreate] = found[Recreate] || len(a.Recreate) > 0
	found[Restart] = found[Restart] || a.Restart
}
