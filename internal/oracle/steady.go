package oracle

import (
	"fmt"
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Steady gives the verdict that each flow has all through the next step: before it, after
// it, and in every state that a plugin may see meanwhile. Undefined stands for a flow
// whose verdict changes or is not settled, and for those of pods that are recreated.
// It takes no step.
//
// Changes of policies, of pods and of namespaces each arrive in their order. But a plugin
// watches the three kinds apart, so that it may see any of the one kind's states beside
// any of the others'.
func (p *Play) Steady(applied scenario.Binding, flows []flow.Flow) ([]flow.Verdict, error) {
	if p.done == len(p.scenario.Steps) {
		return nil, fmt.Errorf("following scenario %q: it has no step after its last", p.scenario.Name)
	}
	step := p.scenario.Steps[p.done]
	passed, err := p.passes(step, applied)
	if err != nil {
		return nil, fmt.Errorf("following step %q of scenario %q: %w", step.Name, p.scenario.Name, err)
	}
	var steady []flow.Verdict
	for state := range passed.states {
		w, err := NewWorld(p.with(state, passed.terminating, applied))
		if err != nil {
			return nil, fmt.Errorf("judging by step %q of scenario %q: %w", step.Name, p.scenario.Name, err)
		}
		steady = agreeing(steady, w, flows)
	}
	again := step.Recreated()
	for i, f := range flows {
		if slices.Contains(again, f.Source) || slices.Contains(again, f.Destination) {
			steady[i] = flow.Undefined
		}
	}
	return steady, nil
}

// agreeing are the verdicts so far, and Undefined where a world says otherwise.
func agreeing(sofar []flow.Verdict, w *World, flows []flow.Flow) []flow.Verdict {
	if sofar == nil {
		sofar = make([]flow.Verdict, len(flows))
		for i, f := range flows {
			sofar[i] = w.Expect(f)
		}
		return sofar
	}
	for i, f := range flows {
		if sofar[i] != flow.Undefined && w.Expect(f) != sofar[i] {
			sofar[i] = flow.Undefined
		}
	}
	return sofar
}

// passed are the states of each kind of object, in the order in which they come.
type passed struct {
	policies   []map[scenario.PolicyKey]*networkingv1.NetworkPolicy
	pods       [][]scenario.Pod
	namespaces []map[string]map[string]string
	// terminating are the pods that are being deleted when it is over: what they are allowed
	// is settled neither then nor on the way.
	terminating map[flow.Endpoint]bool
}

// passes goes through a step twice, if it is done more than once: from the second time
// on it leads through the same states.
func (p *Play) passes(step scenario.Step, applied scenario.Binding) (*passed, error) {
	ghost := &Play{
		scenario: p.scenario, namespaces: maps.Clone(p.namespaces),
		pods: slices.Clone(p.pods), policies: maps.Clone(p.policies), completed: maps.Clone(p.completed),
		terminating: maps.Clone(p.terminating),
	}
	states := &passed{terminating: ghost.terminating}
	states.add(ghost)
	for range min(step.Times, 2) {
		for _, act := range step.Acts {
			for change, err := range ghost.changes(act, applied) {
				if err == nil {
					err = change()
				}
				if err != nil {
					return nil, err
				}
				states.add(ghost)
			}
		}
	}
	return states, nil
}

// add notes the state of every kind that is not what it was.
func (s *passed) add(p *Play) {
	if n := len(s.policies); n == 0 || !maps.Equal(s.policies[n-1], p.policies) {
		s.policies = append(s.policies, maps.Clone(p.policies))
	}
	samePod := func(a, b scenario.Pod) bool { return maps.Equal(a.Labels, b.Labels) }
	if n := len(s.pods); n == 0 || !slices.EqualFunc(s.pods[n-1], p.pods, samePod) {
		s.pods = append(s.pods, slices.Clone(p.pods))
	}
	if n := len(s.namespaces); n == 0 || !maps.EqualFunc(s.namespaces[n-1], p.namespaces, maps.Equal[map[string]string]) {
		s.namespaces = append(s.namespaces, maps.Clone(p.namespaces))
	}
}

// mixture is one state of each kind.
type mixture struct {
	policies   map[scenario.PolicyKey]*networkingv1.NetworkPolicy
	pods       []scenario.Pod
	namespaces map[string]map[string]string
}

func (s *passed) states(yield func(mixture) bool) {
	for _, policies := range s.policies {
		for _, pods := range s.pods {
			for _, namespaces := range s.namespaces {
				if !yield(mixture{policies, pods, namespaces}) {
					return
				}
			}
		}
	}
}

// with is what stands where the plugin sees a mixture.
func (p *Play) with(m mixture, terminating map[flow.Endpoint]bool, now scenario.Binding) State {
	mixed := &Play{scenario: p.scenario, namespaces: m.namespaces, pods: m.pods, policies: m.policies, completed: p.completed, terminating: terminating}
	return mixed.state(now)
}
