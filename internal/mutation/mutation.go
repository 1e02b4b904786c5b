// Package mutation knows small mistakes in how a network plugin could read policies and
// labels, and which scenarios would see each of them.
//
// Goals: every way to misread one word of a policy, or to miss one change of it, as a
// transformation of the state that the oracle judges by; all of them tried on the whole
// library, by computation alone; the same library in, the same table out.
// Non-goals: how a plugin programs the data path, what becomes of packets, and time: those
// mistakes are the faults that can be planted into the embedded cluster. The package must
// import neither the stages that touch a cluster (cluster, deploy, observe) nor the judge.
package mutation

import (
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/oracle"
)

// Mutation is one mistake.
type Mutation struct {
	Name     string        // unique
	Subject  string        // what it is about: those of one subject stand together
	Sentence string        // what the plugin gets wrong
	New      func() Reader // begins a scenario
}

// Reader is handed the states of a scenario in their order, and returns each as the plugin
// takes it. It may remember those before, and leaves what it is handed as it is. Policies are
// in the order of their namespaces and names.
type Reader func(oracle.State) oracle.State

// All are all of them, by subject.
func All() []Mutation {
	return slices.Concat(
		about("Selectors", selectors()),
		about("Words of labels", words()),
		about("Numbers of labels", fewLabels()),
		about("Peers", both(peerOps())),
		about("Ports", both(portOps())),
		about("Ports beside peers", slices.Concat(both(portOpsBesidePeers()), namesBesideBlock())),
		about("Names of ports", fewNames()),
		about("Blocks of addresses", both(blockOps())),
		about("Rules", both(ruleOps())),
		about("Where a rule stands", inContexts()),
		about("Policies", policies()),
		about("Caches", slices.Concat(selectorCaches(), portCaches(), blockCaches())),
		about("Updates", slices.Concat(missedUpdates(), missedCounts(), halfUpdates(), halfTaken())),
		about("Deletions", deletions()),
		about("What happens to others", slices.Concat(companions(), atOnce(), sharedPieces(), bystanders(), memberships())),
		about("Relabelling", slices.Concat(relabelling(), relabels(), readOnce())),
		about("Whom a selector holds", slices.Concat(frozenMembers(), identities())),
		about("Placement", placements()),
	)
}

func about(subject string, list []Mutation) []Mutation {
	for i := range list {
		list[i].Subject = subject
	}
	return list
}

// at is the mutation of this name at one of several places, which the sentence begins with.
func at(place, name, text string, made func() Reader) Mutation {
	return Mutation{
		Name:     name + " " + place,
		Sentence: strings.ToUpper(place[:1]) + place[1:] + ", " + text + ".",
		New:      made,
	}
}
