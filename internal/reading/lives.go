package reading

import (
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// strangers is a reading in which some pods are unknown at a moment: those of alone are
// isolated by no policy, those of shunned are admitted by no selector. It says nothing
// where there are none at last.
func strangers(alone, shunned func(e *evidence, moment int) []flow.Endpoint) func(*evidence, int) []prediction {
	return func(e *evidence, moment int) []prediction {
		open, unseen := alone(e, moment), shunned(e, moment)
		if moment == e.last() && len(open)+len(unseen) == 0 {
			return nil
		}
		return folded(func(_ flow.Flow, d oracle.Direction) flow.Verdict {
			switch {
			case slices.Contains(open, d.Subject):
				return flow.Allow
			case slices.Contains(unseen, d.Peer):
				return blocksOnly(d)
			}
			return d.Verdict
		})(e, moment)
	}
}

func recreatedPodUnknown() reading {
	return reading{
		"recreated-pod-unknown",
		"a pod that was created anew, now or by an earlier scenario, being known by its old address only: isolated no more, and admitted by nobody",
		oneOf(strangers(recreated, recreated), strangers(recreatedSince, recreatedSince)),
	}
}

func addressForgotten() reading {
	return reading{
		"address-forgotten",
		"an address being forgotten when a pod that had it before is deleted, although another one has it now",
		strangers(bereft, bereft),
	}
}

// oneOf is a reading in several variants.
func oneOf(makes ...func(*evidence, int) []prediction) func(*evidence, int) []prediction {
	return func(e *evidence, moment int) []prediction {
		var list []prediction
		for _, made := range makes {
			list = append(list, append(made(e, moment), nil)[0])
		}
		return list
	}
}

func none(*evidence, int) []flow.Endpoint { return nil }

// recreated are the pods that the last step created anew, whatever their address.
func recreated(e *evidence, moment int) []flow.Endpoint {
	if moment < e.last() {
		return nil
	}
	return anew(e.step(moment))
}

// recreatedSince are the pods that were created anew up to a moment.
func recreatedSince(e *evidence, moment int) []flow.Endpoint {
	var list []flow.Endpoint
	for m := range moment + 1 {
		list = append(list, anew(e.step(m))...)
	}
	return list
}

// anew leaves out the pods that were given the address of another one: that is another
// matter.
func anew(step scenario.Step) []flow.Endpoint {
	return slices.DeleteFunc(step.Recreated(), func(pod flow.Endpoint) bool {
		return slices.ContainsFunc(reused(step), func(h scenario.Heir) bool { return h.Pod == pod })
	})
}

// bereft are the pods with the address of one whose object the last step deleted.
func bereft(e *evidence, moment int) []flow.Endpoint {
	if moment < e.last() {
		return nil
	}
	var list []flow.Endpoint
	for _, h := range e.heirs(moment) {
		for _, act := range e.step(moment).Acts {
			if slices.Contains(act.Remove, h.Of) {
				list = append(list, h.Pod)
			}
		}
	}
	return list
}

// newcomers are the pods of a step that were watched from their first instant.
func newcomers(e *evidence, moment int) []flow.Endpoint {
	var list []flow.Endpoint
	for _, d := range e.step(moment).Debuts() {
		list = append(list, d.Pod)
	}
	return list
}

// unready are the pods that are not ready at a moment.
func unready(e *evidence, moment int) []flow.Endpoint {
	var list []flow.Endpoint
	for m := range moment + 1 {
		list = e.step(m).Unready(list)
	}
	return list
}

func (e *evidence) step(moment int) scenario.Step { return e.moments[moment].Step }

// heirs are the pods that have got the address of another one up to a moment.
func (e *evidence) heirs(moment int) []scenario.Heir {
	var list []scenario.Heir
	for m := range moment + 1 {
		list = append(list, reused(e.step(m))...)
	}
	return list
}

func reused(step scenario.Step) []scenario.Heir {
	var list []scenario.Heir
	for _, act := range step.Acts {
		list = append(list, act.Reuse...)
	}
	return list
}

// takenForEarlier judges a pod with the address of an earlier one as that one.
func takenForEarlier(e *evidence, moment int) []prediction {
	heirs := e.heirs(moment)
	if len(heirs) == 0 && moment == e.last() {
		return nil
	}
	earlier, s := map[flow.Endpoint]flow.Endpoint{}, e.state(moment)
	s.Completed = maps.Clone(s.Completed)
	for _, h := range heirs {
		earlier[h.Pod] = h.Of
		delete(s.Completed, h.Of)
	}
	w, err := oracle.NewWorld(s)
	if err != nil {
		return nil
	}
	return []prediction{func(i int) flow.Verdict {
		f := e.flows[i]
		from, to := e.flows[i].Source, e.flows[i].Destination
		if of, ok := earlier[from]; ok && of != to {
			f.Source = of
		}
		if of, ok := earlier[to]; ok && of != from {
			f.Destination = of
		}
		if f == e.flows[i] {
			return e.base(moment, i)
		}
		return w.Expect(f)
	}}
}

// renewed is a reading in which a namespace that the last step created anew keeps
// something of the old one.
func renewed(keep func(before, now oracle.State, namespace string) oracle.State) func(*evidence, int) []prediction {
	return func(e *evidence, moment int) []prediction {
		if moment < e.last() || moment == 0 {
			return []prediction{of(e.state(moment), e)}
		}
		names := e.renewals(moment)
		if len(names) == 0 {
			return nil
		}
		now := e.state(moment)
		for _, name := range names {
			now = keep(e.state(moment-1), now, name)
		}
		return []prediction{of(now, e)}
	}
}

// renewals are the real names of the namespaces that a step creates anew.
func (e *evidence) renewals(moment int) []string {
	var list []string
	for _, act := range e.step(moment).Acts {
		for _, r := range act.Renew {
			list = append(list, e.state(moment).Binding.Namespaces[r.Name])
		}
	}
	return list
}

func oldLabels(before, now oracle.State, namespace string) oracle.State {
	now.Namespaces = maps.Clone(now.Namespaces)
	now.Namespaces[namespace] = before.Namespaces[namespace]
	return now
}

func oldPolicies(before, now oracle.State, namespace string) oracle.State {
	kept := slices.DeleteFunc(slices.Clone(before.Policies), func(p *networkingv1.NetworkPolicy) bool {
		return p.Namespace != namespace || find(now.Policies, p) != nil
	})
	now.Policies = append(slices.Clone(now.Policies), kept...)
	return now
}

// relabelled leaves steps alone that create a namespace anew: that is no change of labels.
func relabelled(mix func(before, now oracle.State) oracle.State) func(*evidence, int) []prediction {
	return func(e *evidence, moment int) []prediction {
		if moment == e.last() && len(e.renewals(moment)) > 0 {
			return nil
		}
		return changed(mix)(e, moment)
	}
}
