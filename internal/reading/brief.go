package reading

import (
	"reflect"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
)

// AtTimes are the readings of flows that were wrong at times at the last moment, and right
// before or after it: Seen there has those flows alone. What earlier moments showed says
// nothing of that.
func AtTimes(flows []flow.Flow, moments []Moment) []Reading {
	e := gather(flows, moments)
	when := "at times"
	if len(moments) > 0 && e.step(e.last()).Restarts() {
		when = "while the agent restarts"
	}
	return e.briefly([]reading{
		addressForgotten(), recreatedPodUnknown(),
		{"changed-policies-absent", "the policies that the step changed being absent " + when, ofLastTwo(withoutChanged)},
		{"earlier-state-returns", "what held before the step coming back " + when, ofLastTwo(stateBefore)},
		{"policies-absent", "no policy being in force " + when + ", as where all rules are taken away before the new ones are there", ofLastTwo(noPolicy)},
		{"isolated-closed", "isolated pods being cut off " + when + ", whatever their rules admit", folded(noRule)},
		{"all-closed", "nothing getting through " + when + ", whatever policies say", closed},
	})
}

// AtFirst are the readings of what flows of new pods did in their first moments: Seen has
// what they must not have done, and the denials that held from the first instant on.
func AtFirst(flows []flow.Flow, moments []Moment) []Reading {
	return gather(flows, moments).briefly([]reading{
		{"new-pod-open", "a new pod being isolated only some time after it has started", strangers(newcomers, none)},
		{"new-pod-unadmitted", "a new pod being admitted as a peer only some time after it has started", strangers(none, newcomers)},
		{"new-pod-unknown", "a new pod being unknown for some time after it has started: neither isolated nor admitted", strangers(newcomers, newcomers)},
	})
}

// briefly are the readings that predict the last moment, without those that come to the
// same as one before them.
func (e *evidence) briefly(table []reading) []Reading {
	if !e.wrong() {
		return nil
	}
	var list []Reading
	var told [][]flow.Verdict
	for _, r := range table {
		variants := r.make(e, e.last())
		if len(variants) == 0 || !e.predicts(variants[0], e.last()) {
			continue
		}
		all := make([]flow.Verdict, len(e.flows))
		for i := range all {
			all[i] = variants[0](i)
		}
		if !slices.ContainsFunc(told, func(other []flow.Verdict) bool { return slices.Equal(all, other) }) {
			list, told = append(list, Reading{r.name, r.says}), append(told, all)
		}
	}
	return list
}

// ofLastTwo predicts by a state that is made from those of the last two moments; nil where
// the one before does not matter.
func ofLastTwo(mix func(before, now oracle.State) *oracle.State) func(*evidence, int) []prediction {
	return func(e *evidence, moment int) []prediction {
		if moment == 0 {
			return nil
		}
		s := mix(e.state(moment-1), e.state(moment))
		if s == nil {
			return nil
		}
		return []prediction{of(*s, e)}
	}
}

func noPolicy(_, now oracle.State) *oracle.State {
	now.Policies = nil
	return &now
}

// withoutChanged is nil where there are no other policies: that is no policy at all.
func withoutChanged(before, now oracle.State) *oracle.State {
	same := slices.DeleteFunc(slices.Clone(now.Policies), func(p *networkingv1.NetworkPolicy) bool {
		old := find(before.Policies, p)
		return old == nil || !reflect.DeepEqual(old.Spec, p.Spec)
	})
	if len(same) == 0 || len(same) == len(now.Policies) {
		return nil
	}
	now.Policies = same
	return &now
}

// stateBefore is nil where no policy was in force before, and where the step changed nothing.
func stateBefore(before, now oracle.State) *oracle.State {
	before.Binding, before.Completed = now.Binding, now.Completed
	if len(before.Policies) == 0 || reflect.DeepEqual(before, now) {
		return nil
	}
	return &before
}

func closed(*evidence, int) []prediction {
	return []prediction{func(int) flow.Verdict { return flow.Deny }}
}
