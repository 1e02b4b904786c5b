// Package scenario turns scenario files into data: what to deploy, what to do step
// by step, and what must then be allowed and denied.
//
// Goals: strict input, every mistake reported at once with file, line and field;
// the same bytes in, the same Scenario out.
// Non-goal: knowing what a policy means. That is internal/oracle, which this
// package must not import; it never touches a cluster either.
package scenario

import (
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// APIVersion is the only version of the format.
const APIVersion = "cniproof.dev/v1alpha1"

// Level says how much a scenario's verdicts bind a CNI.
type Level string

// The levels. Only LevelMust and LevelOptional can pass or fail; what the others
// observe is recorded.
const (
	LevelMust      Level = "must"
	LevelOptional  Level = "optional"
	LevelContested Level = "contested"
	LevelUndefined Level = "undefined"
)

// Scored reports whether a scenario of this level passes or fails.
func (l Level) Scored() bool { return l == LevelMust || l == LevelOptional }

// Scenario is one scenario file.
type Scenario struct {
	Name     string // the file's stem
	Topic    string // the folder that holds the file, "" for a user's own
	File     string // as it was given to the loader
	Summary  string
	Level    Level
	Features []string // sorted
	Refs     []string
	Control  bool // changes no verdict on purpose
	Canary   bool // ends with a look whether policies elsewhere still take effect
	Mirrored bool // is the mirror of another
	Topology Topology
	Steps    []Step
}

// Topology is what is deployed before the first step.
type Topology struct {
	Name        string      // of a shared topology, else ""
	Namespaces  []Namespace // sorted by name
	Pods        []Pod       // sorted by namespace and name
	External    External
	Nodes       Nodes
	Direct      bool // pods have no Services, and no flows over them
	Datagram    int  // how many bytes the datagrams of UDP probes have; 0: few
	Stream      int  // how many bytes TCP probes send, and get back; 0: few
	Established bool // pods keep a TCP connection to each TCP port of other pods open, too
	Readiness   bool // kubelets probe the pods that serve TCP, which are out of their Services when they are not reached
	NodePort    bool // pods are dialled over the ports that their Services have on the nodes, too
	SourcePort  SourcePort
	Itself      bool // flows from every pod to itself are part of the matrix
	Echo        bool // ICMP between pods, and with hosts outside, is part of the matrix
	DNS         bool // flows from every pod to the cluster's DNS service are part of the matrix
	// Completing are pods that a step lets complete: their processes are not started again.
	Completing []flow.Endpoint
	// Terminating are pods that a step deletes with a grace period, which their processes
	// spend serving and dialling.
	Terminating []flow.Endpoint
	// Gated are pods that a step makes ready or unready, by a readiness gate that they have.
	Gated []flow.Endpoint
}

// Namespace is a namespace of the topology, under the scenario's own name for it.
type Namespace struct {
	Name   string
	Labels map[string]string
}

// Pod is a probe pod.
type Pod struct {
	Namespace, Name string
	Labels          map[string]string
	Node            int // counted from 1
	Ports           []flow.Port
	// HostNetwork says that the pod has no network of its own but its node's.
	HostNetwork bool
	// Sidecar are those of Ports that a second container of the pod declares, not the agent's.
	Sidecar []flow.Port
	// InitSidecar are those of Ports that an init container declares which runs for as long as
	// the pod does: one whose restartPolicy is Always.
	InitSidecar []flow.Port
}

// Endpoint is the pod as one side of a flow.
func (p Pod) Endpoint() flow.Endpoint { return flow.Pod(p.Namespace, p.Name) }

// External is the hosts outside the cluster that a scenario needs.
type External struct {
	Hosts int // 0: none
	Ports []flow.Port
}

// Nodes makes nodes endpoints of their own.
type Nodes struct {
	Probed bool        // node -> pod flows are part of the matrix
	Ports  []flow.Port // what each node serves: pod -> node flows
}

// Step acts, and then expects.
type Step struct {
	Name string
	// Acts are carried out one right after the other, Times times; none: it only expects.
	Acts  []Act
	Times int // 1 where the file does not say
	// Steady says that what stays as it is all through the step is watched meanwhile.
	Steady bool
	// Open says that pods open the connections anew that they keep, by what holds already.
	Open   bool
	Within time.Duration // 0: the run's default
	Hold   time.Duration // 0: the run's default
	Expect Expectation
	// Source is the fields by which the step acts, as the file has them; "" for a step
	// that only expects.
	Source string
}

// Act is what a step does, in the order of its fields.
type Act struct {
	Renew    []Renewal
	Ready    []Readiness
	Apply    []Manifest
	Delete   []PolicyKey
	Label    []LabelChange
	Complete []flow.Endpoint // pods whose process ends for good
	// Terminate are pods that are deleted, and go on until the scenario is over.
	Terminate []flow.Endpoint
	Remove    []flow.Endpoint // pods that completed in an earlier step: their objects are deleted
	Recreate  []flow.Endpoint // pods
	Reuse     []Heir
	Eager     []Debut
	Restart   bool // the CNI's agent, on every node
	Away      bool // what the act does beside the restart is done while the agent is away, not before
}

// empty reports whether the act does nothing.
func (a Act) empty() bool {
	return len(a.Ready)+len(a.Apply)+len(a.Delete)+len(a.Label)+len(a.Recreate) == 0 && !a.Restart && !a.lives()
}

// Restarts reports whether the step restarts the CNI's agent.
func (s Step) Restarts() bool {
	return slices.ContainsFunc(s.Acts, func(a Act) bool { return a.Restart })
}

// Recreated are the pods that the step recreates, each once.
func (s Step) Recreated() []flow.Endpoint {
	var list []flow.Endpoint
	for _, a := range s.Acts {
		for _, e := range a.anew() {
			if !slices.Contains(list, e) {
				list = append(list, e)
			}
		}
	}
	return list
}

// Dynamic reports whether the scenario is about what happens while things change. Such
// scenarios take long and are run apart.
func (s *Scenario) Dynamic() bool { return s.Topic == "dynamics" }

// Alone reports whether the scenario has to run while no other does: it disturbs others,
// or it watches without a pause, and the load that others are would make it miss things.
func (s *Scenario) Alone() bool {
	return s.Disturbs() || slices.ContainsFunc(s.Steps, func(step Step) bool { return step.Steady || len(step.Debuts()) > 0 })
}

// Disturbs reports whether a step acts on the cluster as a whole, so that flows of
// other scenarios, run at the same time, may suffer or get in its way: it restarts the
// CNI's agent, or waits for an address to come round again.
func (s *Scenario) Disturbs() bool {
	for act := range s.acts() {
		if act.Restart || len(act.Reuse) > 0 {
			return true
		}
	}
	return false
}

// PolicyKey names a NetworkPolicy by the scenario's name for its namespace.
type PolicyKey struct{ Namespace, Name string }

// LabelChange changes the labels of a namespace (Pod == "") or of a pod. A nil
// value removes the key; ${ns.NAME} stands for the real name of a namespace: see Fill.
type LabelChange struct {
	Namespace, Pod string
	Labels         map[string]*string
}

// Expectation is the complete matrix: what no line names has the default.
type Expectation struct {
	Default flow.Verdict
	Lines   []Line // later lines win
	// gone are the pods that have completed: their flows are not there any more.
	gone map[flow.Endpoint]bool
	// terminating are the pods that are being deleted: what they are allowed is not settled.
	terminating map[flow.Endpoint]bool
	// onHost are the pods on their nodes' network: nothing about them is settled.
	onHost map[flow.Endpoint]bool
	// opened says that the connections of pods were opened by a step, this one or one before.
	opened bool
}

// Line gives all flows that it matches one verdict.
type Line struct {
	Verdict flow.Verdict
	Text    string // as written
	Row     int    // in the file, counted from 1
	match   func(flow.Flow) bool
	via     flow.Via // that it says; ViaUnknown: every one
}
