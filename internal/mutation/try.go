package mutation

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/promise"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Played is a scenario, played to its end.
type Played struct {
	Scenario *scenario.Scenario
	moments  []moment
}

// moment is what holds after a step, and the flows that are then settled.
type moment struct {
	state   oracle.State
	settled []settled
}

type settled struct {
	flow    flow.Flow
	verdict flow.Verdict // Allow or Deny
}

// Play plays those of the scenarios that pass or fail, and their mirrors. Flows are those
// between addresses of pods, hosts and nodes: a Service adds nothing to how policies are read.
func Play(list []*scenario.Scenario) ([]Played, error) {
	var all []Played
	for _, s := range slices.Concat(list, promise.Mirrors(promise.Rows(), list)) {
		if !s.Level.Scored() {
			continue
		}
		p, err := play(s)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func play(s *scenario.Scenario) (Played, error) {
	axes := scenario.AllAxes()
	axes.Vias = []flow.Via{flow.PodIP}
	flows := s.Flows(axes)
	binding := scenario.Symbolic(s.Topology)
	p := Played{Scenario: s}
	for follow := oracle.NewPlay(s); len(p.moments) < len(s.Steps); {
		w, err := follow.Next(binding, binding)
		if err != nil {
			return Played{}, err
		}
		m := moment{state: w.State}
		slices.SortFunc(m.state.Policies, func(a, b *policy) int {
			return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
		})
		for _, f := range flows {
			if v := w.Expect(f); v == flow.Allow || v == flow.Deny {
				m.settled = append(m.settled, settled{f, v})
			}
		}
		p.moments = append(p.moments, m)
	}
	return p, nil
}

// Result is what became of a mutation.
type Result struct {
	Mutation
	// Touched are the names of the scenarios in which the plugin takes some state for another
	// one, Seen those of them in which a flow then has the wrong verdict.
	Touched, Seen []string
}

// Try tries every mutation on every scenario, in their order.
func Try(mutations []Mutation, library []Played) ([]Result, error) {
	results := make([]Result, len(mutations))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, m := range mutations {
		group.Go(func() error {
			var err error
			results[i], err = try(m, library)
			return err
		})
	}
	return results, group.Wait()
}

func try(m Mutation, library []Played) (Result, error) {
	r := Result{Mutation: m}
	for _, p := range library {
		touched, seen, err := p.try(m.New())
		if err != nil {
			return r, fmt.Errorf("trying %q on scenario %q: %w", m.Name, p.Scenario.Name, err)
		}
		if touched {
			r.Touched = append(r.Touched, p.Scenario.Name)
		}
		if seen {
			r.Seen = append(r.Seen, p.Scenario.Name)
		}
	}
	return r, nil
}

// try stops at the first flow that has the wrong verdict.
func (p *Played) try(read Reader) (touched, seen bool, err error) {
	for _, m := range p.moments {
		s := read(m.state)
		if alike(s, m.state) {
			continue
		}
		touched = true
		w, err := oracle.NewWorld(s)
		if err != nil {
			return touched, false, err
		}
		if slices.ContainsFunc(m.settled, func(f settled) bool { return turned(f.verdict, w.Expect(f.flow)) }) {
			return touched, true, nil
		}
	}
	return touched, false, nil
}

// turned reports whether a verdict is the other one of Allow and Deny.
func turned(is, was flow.Verdict) bool {
	return was != is && (was == flow.Allow || was == flow.Deny)
}
