// Package diagnose turns what a scenario left when it failed into a folder that a
// person acts on: what was seen, where, when, and a script that tries it again.
//
// Goals: the same evidence and the same snapshot in, the same bytes out; everything
// that a bug report needs, bounded in size; no word on what the cause is that the
// evidence does not carry.
// Non-goals: judging, and asking a cluster anything (see internal/diagnose/collect).
// It must not import what speaks to one, nor internal/report: what a report says of a
// scenario is passed in.
package diagnose

import (
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/inspect"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Evidence is what a scenario left that failed or could not be told, taken while its
// stage stood.
type Evidence struct {
	Scenario *scenario.Scenario
	// Result is as far as the scenario was played; its last step is the one in question.
	Result judge.Scenario
	// Applied has, for every step of the scenario that was begun, what names and
	// addresses were when its policies were applied.
	Applied []scenario.Binding
	// Closed is true where the trouble came after all policies had been deleted and
	// all labels restored again.
	Closed  bool
	Binding scenario.Binding
	// Inherited are pods that earlier scenarios on the stage had created anew.
	Inherited []flow.Endpoint
	// Image is what the probe pods run.
	Image string

	// What the last step saw; nil and zero where it came to nothing.
	Timeline *flow.Timeline
	Expected []flow.Verdict   // one per flow of the timeline
	Dialled  []netip.AddrPort // the same
	Since    time.Time        // when the API had answered the step's last action
}

// Snapshot is what the cluster showed while the stage stood.
type Snapshot struct {
	Taken      time.Time
	Namespaces []corev1.Namespace
	Pods       []corev1.Pod
	Services   []corev1.Service
	Policies   []networkingv1.NetworkPolicy
	Events     []corev1.Event
	// Logs are of the CNI's agents, Dataplane of nodes, by the names of files.
	Logs, Dataplane []inspect.Text
	// Problems are what could not be had, a sentence each.
	Problems []string
}

// Namespaces are the real names of the scenario's own namespaces.
func (e *Evidence) Namespaces() []string {
	var names []string
	for _, ns := range e.Scenario.Topology.Namespaces {
		if name, ok := e.Binding.Namespaces[ns.Name]; ok {
			names = append(names, name)
		}
	}
	return names
}

// last is the step in question; nil where none was begun.
func (e *Evidence) last() *judge.Step {
	if len(e.Result.Steps) == 0 {
		return nil
	}
	return &e.Result.Steps[len(e.Result.Steps)-1]
}
