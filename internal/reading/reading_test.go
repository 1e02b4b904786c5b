package reading

import (
	"slices"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

// played is what a scenario does without any cluster: a moment for the time before its
// first step, and one for each step, seen as it must be.
func played(t *testing.T, s *scenario.Scenario, flows []flow.Flow) []Moment {
	t.Helper()
	binding, play := scenario.Symbolic(s.Topology), oracle.NewPlay(s)
	var moments []Moment
	for _, step := range s.Steps {
		w, err := play.Next(binding, binding)
		if err != nil {
			return nil
		}
		m := Moment{World: w, Step: step, Seen: make([]flow.Verdict, len(flows)), SourcePort: s.Topology.SourcePort}
		for i, f := range flows {
			if v := w.Expect(f); v == flow.Allow || v == flow.Deny {
				m.Seen[i] = v
			}
		}
		moments = append(moments, m)
	}
	bare := moments[0].World.State
	bare.Policies, bare.Pods = nil, s.Topology.Pods
	bare.Namespaces = map[string]map[string]string{}
	for _, ns := range s.Topology.Namespaces {
		bare.Namespaces[binding.Namespaces[ns.Name]] = ns.Labels
	}
	w, err := oracle.NewWorld(bare)
	if err != nil {
		t.Fatal(err)
	}
	return append([]Moment{{World: w, Seen: make([]flow.Verdict, len(flows))}}, moments...)
}

// misread makes the last moment look as an implementation with this misreading would
// have it; false where nothing is wrong then.
func misread(flows []flow.Flow, moments []Moment, r reading) bool {
	e := gather(flows, moments)
	last, wrong := e.last(), false
	variants := r.make(e, last)
	if len(variants) == 0 || variants[len(variants)-1] == nil {
		return false
	}
	for i := range flows {
		if moments[last].Seen[i] == flow.Unknown {
			continue
		}
		v := variants[len(variants)-1](i)
		if v == flow.Undefined || v == flow.Unknown {
			v = flow.Unknown
		}
		wrong = wrong || v != flow.Unknown && v != moments[last].Seen[i]
		moments[last].Seen[i] = v
	}
	return wrong
}

// TestEveryReadingIsFound plays the library to where each misreading would first show,
// and demands that the misreading is then among those that are named, and somewhere
// the first.
func TestEveryReadingIsFound(t *testing.T) {
	list, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	count := func(s *scenario.Scenario) int { return len(s.Flows(scenario.AllAxes())) }
	slices.SortStableFunc(list, func(a, b *scenario.Scenario) int { return count(a) - count(b) }) // the quick ones first
	for _, r := range table() {
		t.Run(r.name, func(t *testing.T) {
			shown := 0
			for _, s := range list {
				flows := s.Flows(scenario.AllAxes())
				found := firstMisread(t, s, flows, r)
				if found == nil {
					continue
				}
				shown++
				if !slices.ContainsFunc(found, func(f Reading) bool { return f.Name == r.name }) {
					t.Errorf("%s: not among %v", s.Name, found)
				}
				if found[0].Name == r.name {
					return
				}
			}
			t.Errorf("in none of the %d scenarios that would show it it is the first", shown)
		})
	}
}

// firstMisread is what is named of the first step in which the misreading shows.
func firstMisread(t *testing.T, s *scenario.Scenario, flows []flow.Flow, r reading) []Reading {
	t.Helper()
	for n := range s.Steps {
		moments := played(t, s, flows)
		if moments == nil {
			return nil
		}
		moments = moments[:n+2]
		if misread(flows, moments, r) {
			found := Consistent(flows, moments)
			if found == nil {
				t.Errorf("%s: nothing is named", s.Name)
				found = []Reading{{}}
			}
			return found
		}
	}
	return nil
}

// TestNothingToExplain checks that a right table has no reading, and one that no
// misreading explains has none either.
func TestNothingToExplain(t *testing.T) {
	list, err := scenario.Load(scenarios.FS, "guide/and-in-one-peer.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := list[0]
	flows := s.Flows(scenario.AllAxes())
	moments := played(t, s, flows)[:3]
	if found := Consistent(flows, moments); found != nil {
		t.Errorf("of a right table: %v", found)
	}
	seen := moments[2].Seen
	i := slices.Index(seen, flow.Deny)
	seen[i] = flow.Allow // one flow alone, over one path and family
	if found := Consistent(flows, moments); found != nil {
		t.Errorf("of one odd flow: %v", found)
	}
	if Consistent(flows, nil) != nil {
		t.Error("of nothing at all there is a reading")
	}
}

// TestNamesAreUnique keeps names and sentences apart.
func TestNamesAreUnique(t *testing.T) {
	names := map[string]bool{}
	for _, r := range table() {
		if names[r.name] || names[r.says] {
			t.Errorf("%q is there twice", r.name)
		}
		names[r.name], names[r.says] = true, true
	}
}
