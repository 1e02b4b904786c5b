package mutation

import (
	"strings"
	"sync"
	"testing"

	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

// library is played once for all tests.
var library = sync.OnceValues(func() ([]Played, error) {
	list, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		return nil, err
	}
	return Play(list)
})

func played(t *testing.T) []Played {
	t.Helper()
	list, err := library()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestEveryMutationIsSeen(t *testing.T) {
	results, err := Try(All(), played(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		switch {
		case len(r.Touched) == 0:
			t.Errorf("%s: no scenario has a state that it touches: %s", r.Name, r.Sentence)
		case len(r.Seen) == 0:
			t.Errorf("%s: touches states of %d scenarios, and none of them sees it: %s", r.Name, len(r.Touched), r.Sentence)
		}
	}
}

// TestMutationsLeaveStatesAsTheyAre lets all of them read one library, and looks for the one
// that changed it only where one did.
func TestMutationsLeaveStatesAsTheyAre(t *testing.T) {
	list, before := played(t), snapshot(played(t))
	for _, m := range All() {
		readAll(m, list)
	}
	if unchanged(list, before) {
		return
	}
	for _, m := range All() {
		list, before := played(t), snapshot(played(t))
		readAll(m, list)
		if !unchanged(list, before) {
			t.Errorf("%s changes the states that it is handed", m.Name)
		}
	}
	t.Error("mutations change the states that they are handed")
}

func readAll(m Mutation, list []Played) {
	for _, p := range list {
		read := m.New()
		for _, m := range p.moments {
			read(m.state)
		}
	}
}

// snapshot has copies of all states.
func snapshot(list []Played) []oracle.State {
	var states []oracle.State
	for _, p := range list {
		for _, m := range p.moments {
			s := relabelled(m.state,
				func(p scenario.Pod) labels { return without(p.Labels, func(string) bool { return false }) },
				func(_ string, l labels) labels { return without(l, func(string) bool { return false }) },
			)
			s.Policies = copies(s.Policies)
			states = append(states, s)
		}
	}
	return states
}

func unchanged(list []Played, before []oracle.State) bool {
	for _, p := range list {
		for _, m := range p.moments {
			if !alike(m.state, before[0]) {
				return false
			}
			before = before[1:]
		}
	}
	return true
}

func TestNamesAndSentences(t *testing.T) {
	names, sentences := map[string]bool{}, map[string]bool{}
	for _, m := range All() {
		if again(names, m.Name) {
			t.Errorf("there are two mutations %q", m.Name)
		}
		if again(sentences, m.Sentence) {
			t.Errorf("%s says what another one says: %s", m.Name, m.Sentence)
		}
		if m.Subject == "" || !strings.HasSuffix(m.Sentence, ".") || strings.Contains(m.Name+m.Sentence, "|") {
			t.Errorf("%q: %q", m.Name, m.Sentence)
		}
	}
}
