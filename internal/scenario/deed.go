package scenario

// Deed is a kind of thing that a step does to a cluster.
type Deed string

// The deeds, in the order in which a step does them.
const (
	Create   Deed = "create"   // a policy
	Update   Deed = "update"   // a policy that was there
	Delete   Deed = "delete"   // a policy
	Label    Deed = "label"    // a pod or a namespace
	Recreate Deed = "recreate" // a pod
	Restart  Deed = "restart"  // the CNI's agent
)

// Deeds are all deeds, in their order.
func Deeds() []Deed { return []Deed{Create, Update, Delete, Label, Recreate, Restart} }

// Deeds says for every step what it does, each kind once.
func (s *Scenario) Deeds() [][]Deed {
	all := make([][]Deed, len(s.Steps))
	exists := map[PolicyKey]bool{}
	for i, step := range s.Steps {
		does := map[Deed]bool{
			Delete: len(step.Delete) > 0, Label: len(step.Label) > 0, Recreate: len(step.Recreate) > 0, Restart: step.Restart,
		}
		for _, m := range step.Apply {
			does[Create], does[Update] = does[Create] || !exists[m.Key()], does[Update] || exists[m.Key()]
			exists[m.Key()] = true
		}
		for _, key := range step.Delete {
			delete(exists, key)
		}
		for _, d := range Deeds() {
			if does[d] {
				all[i] = append(all[i], d)
			}
		}
	}
	return all
}
