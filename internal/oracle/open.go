package oracle

import (
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Nothing is promised of a connection that was open when a policy or a label changed, as
// far as the change is about one of its ends. Where it is about others the connection is
// what it was, an allowed one, and its replies are to be allowed.

// open has all connections opened by what holds now.
func (p *Play) open() {
	p.unmoved = map[flow.Endpoint]bool{}
	for _, pod := range p.pods {
		p.unmoved[pod.Endpoint()] = true
	}
}

// move notes the pods that an act is about, before it is carried out: their own labels,
// those of their namespace, the policies that select them, or their lives.
func (p *Play) move(act scenario.Act, applied scenario.Binding) error {
	if len(p.unmoved) == 0 {
		return nil // no connection stands
	}
	for _, r := range act.Renew {
		p.moveAll(r.Name)
	}
	for _, m := range act.Apply {
		policy, err := m.Render(applied)
		if err != nil {
			return err
		}
		p.moveSelected(m.Key().Namespace, policy)
		p.moveSelected(m.Key().Namespace, p.policies[m.Key()])
	}
	for _, key := range act.Delete {
		p.moveSelected(key.Namespace, p.policies[key])
	}
	for _, change := range act.Label {
		if change.Pod == "" {
			p.moveAll(change.Namespace)
		}
		delete(p.unmoved, flow.Pod(change.Namespace, change.Pod))
	}
	step := scenario.Step{Acts: []scenario.Act{act}}
	for _, list := range [][]flow.Endpoint{step.Recreated(), step.Completed(), step.Terminated()} {
		for _, pod := range list {
			delete(p.unmoved, pod)
		}
	}
	return nil
}

func (p *Play) moveAll(namespace string) {
	for _, pod := range p.pods {
		if pod.Namespace == namespace {
			delete(p.unmoved, pod.Endpoint())
		}
	}
}

// moveSelected notes the pods of a policy, if there is one.
func (p *Play) moveSelected(namespace string, policy *networkingv1.NetworkPolicy) {
	if policy == nil {
		return
	}
	subject, err := newSelector(&policy.Spec.PodSelector)
	for _, pod := range p.pods {
		if pod.Namespace == namespace && (err != nil || subject.matches(pod.Labels)) {
			delete(p.unmoved, pod.Endpoint())
		}
	}
}

// whileOpen is the verdict of the policies, as far as it is promised to a connection that
// was open before.
func (w *World) whileOpen(f flow.Flow, v flow.Verdict) flow.Verdict {
	if f.Via == flow.Established && v != flow.Allow {
		return flow.Undefined
	}
	return v
}

// stands reports whether a connection was opened, and nothing has changed about its ends.
func (w *World) stands(f flow.Flow) bool { return w.Unmoved[f.Source] && w.Unmoved[f.Destination] }
