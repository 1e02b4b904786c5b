package oracle

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Play follows a scenario from step to step: which policies and labels there are
// after each.
type Play struct {
	scenario   *scenario.Scenario
	done       int                          // steps that were taken
	namespaces map[string]map[string]string // labels by the scenario's names
	pods       []scenario.Pod
	policies   map[scenario.PolicyKey]*networkingv1.NetworkPolicy
	completed  map[flow.Endpoint]bool
	// terminating are pods that are being deleted, and go on.
	terminating map[flow.Endpoint]bool
	// unmoved are the pods about which nothing has changed since a step had connections opened.
	unmoved map[flow.Endpoint]bool
}

// NewPlay stands before the first step.
func NewPlay(s *scenario.Scenario) *Play {
	p := &Play{
		scenario:    s,
		namespaces:  map[string]map[string]string{systemNamespace: {}},
		pods:        slices.Clone(s.Topology.Pods),
		policies:    map[scenario.PolicyKey]*networkingv1.NetworkPolicy{},
		completed:   map[flow.Endpoint]bool{},
		terminating: map[flow.Endpoint]bool{},
	}
	for _, ns := range s.Topology.Namespaces {
		p.namespaces[ns.Name] = ns.Labels
	}
	return p
}

// Next takes the next step and gives the world after it. Policies are rendered with
// the names and addresses that held when they were applied and keep them, flows are
// judged by those of now: a pod that is created anew has another address.
func (p *Play) Next(applied, now scenario.Binding) (*World, error) {
	if p.done == len(p.scenario.Steps) {
		return nil, fmt.Errorf("following scenario %q: it has no step after its last", p.scenario.Name)
	}
	step := p.scenario.Steps[p.done]
	p.done++
	if err := p.act(step, applied); err != nil {
		return nil, fmt.Errorf("following step %q of scenario %q: %w", step.Name, p.scenario.Name, err)
	}
	w, err := NewWorld(p.state(now))
	if err != nil {
		return nil, fmt.Errorf("judging by step %q of scenario %q: %w", step.Name, p.scenario.Name, err)
	}
	return w, nil
}

// act changes what the step's acts change. Doing them again leads to the same state.
func (p *Play) act(step scenario.Step, applied scenario.Binding) error {
	for _, act := range step.Acts {
		if err := p.move(act, applied); err != nil {
			return err
		}
		for change, err := range p.changes(act, applied) {
			if err == nil {
				err = change()
			}
			if err != nil {
				return err
			}
		}
	}
	if step.Open {
		p.open()
	}
	return nil
}

// changes yields the changes of single objects that an act makes, in the order of the
// format. A new pod has the labels of the old one, a restart leaves all objects as they
// are, and whether a pod is ready decides nothing.
func (p *Play) changes(act scenario.Act, applied scenario.Binding) iter.Seq2[func() error, error] {
	return func(yield func(func() error, error) bool) {
		for _, r := range act.Renew {
			if !yield(func() error { p.renew(r); return nil }, nil) {
				return
			}
		}
		for _, m := range act.Apply {
			policy, err := m.Render(applied)
			if !yield(func() error { p.policies[m.Key()] = policy; return nil }, err) {
				return
			}
		}
		for _, key := range act.Delete {
			if !yield(func() error { delete(p.policies, key); return nil }, nil) {
				return
			}
		}
		for _, change := range act.Label {
			change, err := change.Fill(applied)
			if !yield(func() error { return p.label(change) }, err) {
				return
			}
		}
		yield(func() error { p.end(act); return nil }, nil)
	}
}

// end notes the pods that have ended, or begin to.
func (p *Play) end(act scenario.Act) {
	for _, pod := range act.Complete {
		p.completed[pod] = true
	}
	for _, pod := range act.Terminate {
		p.terminating[pod] = true
	}
}

// renew makes a namespace that has nothing of the one before but its name and its pods.
func (p *Play) renew(r scenario.Renewal) {
	p.namespaces[r.Name] = r.Labels
	maps.DeleteFunc(p.policies, func(key scenario.PolicyKey, _ *networkingv1.NetworkPolicy) bool { return key.Namespace == r.Name })
}

func (p *Play) label(change scenario.LabelChange) error {
	if change.Pod != "" {
		return p.labelPod(flow.Pod(change.Namespace, change.Pod), change.Labels)
	}
	labels, ok := p.namespaces[change.Namespace]
	if !ok {
		return fmt.Errorf("labelling namespace %q: there is none", change.Namespace)
	}
	p.namespaces[change.Namespace] = relabelled(labels, change.Labels)
	return nil
}

func (p *Play) labelPod(pod flow.Endpoint, change map[string]*string) error {
	for i := range p.pods {
		if p.pods[i].Endpoint() == pod {
			p.pods[i].Labels = relabelled(p.pods[i].Labels, change)
			return nil
		}
	}
	return fmt.Errorf("labelling pod %q: there is none", pod)
}

// relabelled is a changed copy; a nil value removes its key.
func relabelled(labels map[string]string, change map[string]*string) map[string]string {
	all := maps.Clone(labels)
	if all == nil {
		all = map[string]string{}
	}
	for key, value := range change {
		if value == nil {
			delete(all, key)
		} else {
			all[key] = *value
		}
	}
	return all
}

// state is what stands now, free of what later steps change.
func (p *Play) state(now scenario.Binding) State {
	s := State{
		Namespaces:      map[string]map[string]string{},
		Pods:            slices.Clone(p.pods),
		Policies:        slices.Collect(maps.Values(p.policies)),
		Completed:       maps.Clone(p.completed),
		Terminating:     maps.Clone(p.terminating),
		Unmoved:         maps.Clone(p.unmoved),
		Binding:         now,
		LiteralIPBlocks: p.scenario.Level == scenario.LevelContested,
	}
	for name, labels := range p.namespaces {
		realName, ok := now.Namespaces[name]
		if !ok {
			realName = name
		}
		s.Namespaces[realName] = labels
	}
	return s
}
