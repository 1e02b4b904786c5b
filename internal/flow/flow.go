// Package flow is the vocabulary that every stage of cniproof shares: who dials
// whom and how (Flow), what must happen (Verdict) and what a probe saw (Outcome).
//
// It is a leaf: it imports the standard library only.
package flow

import (
	"cmp"
	"fmt"
	"strconv"
)

// Kind says what an endpoint is.
type Kind uint8

// The kinds of endpoints. DNS is the cluster's own DNS service, which answers
// queries instead of sending an identity.
const (
	KindUnknown Kind = iota
	KindPod
	KindExternal
	KindNode
	KindDNS
)

// Endpoint is one side of a flow.
type Endpoint struct {
	Kind      Kind
	Namespace string // of a pod
	Name      string // of a pod; the number of an external host or a node, counted from 1
}

// Pod is the endpoint of a pod.
func Pod(namespace, name string) Endpoint { return Endpoint{KindPod, namespace, name} }

// External is the endpoint of the nth host outside the cluster, counted from 1.
func External(n int) Endpoint { return Endpoint{Kind: KindExternal, Name: strconv.Itoa(n)} }

// Node is the endpoint of the nth node, counted from 1.
func Node(n int) Endpoint { return Endpoint{Kind: KindNode, Name: strconv.Itoa(n)} }

// DNS is the endpoint of the cluster's DNS service.
func DNS() Endpoint { return Endpoint{Kind: KindDNS} }

// Number is the n of External(n) and Node(n), else 0.
func (e Endpoint) Number() int {
	if e.Kind == KindPod {
		return 0 // before the name is parsed: flows are compared often, and mostly between pods
	}
	n, err := strconv.Atoi(e.Name)
	if err != nil {
		return 0
	}
	return n
}

// String is the endpoint as a flow line writes it: "ns/pod", "external",
// "external/2", "node/1" or "dns".
func (e Endpoint) String() string {
	switch e.Kind {
	case KindPod:
		return e.Namespace + "/" + e.Name
	case KindExternal:
		if e.Name == "1" {
			return "external"
		}
		return "external/" + e.Name
	case KindNode:
		return "node/" + e.Name
	case KindDNS:
		return "dns"
	case KindUnknown:
	}
	return "unknown"
}

// Port is a port that an endpoint serves. Name is empty for an unnamed one.
type Port struct {
	Number   uint16
	Protocol Protocol
	Name     string
}

func (p Port) String() string { return fmt.Sprintf("%d/%s", p.Number, p.Protocol) }

// Flow is one connection that can be tried. Port is the number on which the
// destination itself listens, also where the path leads through a Service.
type Flow struct {
	Source      Endpoint
	Destination Endpoint
	Protocol    Protocol
	Port        uint16
	Via         Via
	Family      Family
}

// String is the flow line of a scenario that names exactly this flow's source,
// destination, port and protocol, followed by its path and family.
func (f Flow) String() string {
	return fmt.Sprintf("%s via %s over %s", f.Line(), f.Via, f.Family)
}

// Unsettled reports whether no specification says anything of such a flow, whatever the
// policies are: one of an endpoint to itself, one of ICMP, one over a node's
// port, or one over a connection that was open before.
func (f Flow) Unsettled() bool {
	return f.Source == f.Destination || f.Protocol == ICMP || f.Via.Node() || f.Via == Established
}

// Line is String without path and family.
func (f Flow) Line() string {
	if f.Protocol == ICMP {
		return fmt.Sprintf("%s -> %s:*/ICMP", f.Source, f.Destination)
	}
	return fmt.Sprintf("%s -> %s:%d/%s", f.Source, f.Destination, f.Port, f.Protocol)
}

// Compare orders flows by source, destination, port, protocol, path and family.
func Compare(a, b Flow) int {
	return cmp.Or(
		compareEndpoints(a.Source, b.Source),
		compareEndpoints(a.Destination, b.Destination),
		cmp.Compare(a.Port, b.Port),
		cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.Via, b.Via),
		cmp.Compare(a.Family, b.Family),
	)
}

func compareEndpoints(a, b Endpoint) int {
	return cmp.Or(
		cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Number(), b.Number()),
		cmp.Compare(a.Name, b.Name),
	)
}
