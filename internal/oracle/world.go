// Package oracle says what must become of a flow, from the policies alone: Expect
// gives the verdict, Explain the policies, rules and peers that decide it. Play
// follows a scenario step by step, Check holds the author's own verdicts against
// the computed ones.
//
// Goals: all of networking.k8s.io/v1 NetworkPolicy; Undefined wherever no
// specification settles a flow; the same input, the same sentences.
// Non-goals: speaking to a cluster, and knowing what one did. The package must
// import neither the stages that do (cluster, deploy, observe, judge) nor the
// reference engine, which would prove nothing if the two shared code.
package oracle

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// systemNamespace holds the cluster's DNS service. It goes by its real name in
// scenarios too.
const systemNamespace = "kube-system"

// State is all that decides a flow at one moment.
type State struct {
	// Namespaces are the labels of every namespace by its real name. The label
	// kubernetes.io/metadata.name, which every API server sets, may be left out.
	Namespaces map[string]map[string]string
	// Pods carry their labels of this moment. Their namespaces stand under the
	// scenario's names, like those of flows.
	Pods []scenario.Pod
	// Completed are pods that have ended: they have no flows any more.
	Completed map[flow.Endpoint]bool
	// Terminating are pods that are being deleted, and go on meanwhile. They are isolated
	// to their end; whether they keep what they are allowed is Undefined.
	Terminating map[flow.Endpoint]bool
	// Unmoved are the pods about which nothing has changed since they opened the connections
	// that they keep; nil where nothing is known of when that was.
	Unmoved map[flow.Endpoint]bool
	// Policies carry real namespaces, and what an API server fills in.
	Policies []*networkingv1.NetworkPolicy
	// Binding gives real names and addresses.
	Binding scenario.Binding
	// LiteralIPBlocks makes an ipBlock admit the pods whose own addresses it holds,
	// where pods are dialled by their own addresses. Otherwise that is Undefined.
	LiteralIPBlocks bool
}

// World is a State made ready for questions. It may be asked from several
// goroutines at once; nothing in its State may change any more.
type World struct {
	State
	parties map[flow.Endpoint]*party
	nodes   []netip.Addr      // of all nodes
	names   map[string]string // real name of a namespace -> the scenario's name
}

// party is one side of flows.
type party struct {
	endpoint  flow.Endpoint
	index     int    // counted through the parties that selectors can select
	namespace string // real; "" for what no selector can select
	labels    map[string]string
	node      int
	ports     []flow.Port
	onHost    bool // a pod on its node's network
	addrs     []netip.Addr
	isolating [ways][]*policy // the policies that isolate it
}

// selectable reports whether the party is one that selectors see: a pod.
func (p *party) selectable() bool { return p.namespace != "" }

// NewWorld makes a state ready. A policy that an API server would have refused or
// not yet completed is an error, never a guess.
func NewWorld(s State) (*World, error) {
	w := &World{State: s, parties: map[flow.Endpoint]*party{}, names: map[string]string{}}
	w.Namespaces = withNames(s.Namespaces)
	for name, realName := range s.Binding.Namespaces {
		w.names[realName] = name
	}
	if err := w.addPods(); err != nil {
		return nil, err
	}
	w.addHosts()
	for _, np := range sortedPolicies(s.Policies) {
		if err := w.addPolicy(np); err != nil {
			return nil, fmt.Errorf("reading policy %q: %w", w.scenarioName(np.Namespace)+"/"+np.Name, err)
		}
	}
	return w, nil
}

// withNames adds the label that every API server sets, and the DNS service's namespace.
func withNames(namespaces map[string]map[string]string) map[string]map[string]string {
	all := map[string]map[string]string{systemNamespace: {corev1.LabelMetadataName: systemNamespace}}
	for name, labels := range namespaces {
		all[name] = maps.Clone(labels)
		if all[name] == nil {
			all[name] = map[string]string{}
		}
		all[name][corev1.LabelMetadataName] = name
	}
	return all
}

func sortedPolicies(policies []*networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
	return slices.SortedStableFunc(slices.Values(policies), func(a, b *networkingv1.NetworkPolicy) int {
		return comparePairs(a.Namespace, a.Name, b.Namespace, b.Name)
	})
}

func (w *World) addPods() error {
	for _, p := range w.Pods {
		realName := w.realName(p.Namespace)
		if _, ok := w.Namespaces[realName]; !ok {
			return fmt.Errorf("placing pod %q: there is no namespace %q", p.Endpoint(), realName)
		}
		if w.parties[p.Endpoint()] != nil {
			return fmt.Errorf("placing pod %q: there are two of that name", p.Endpoint())
		}
		w.addParty(&party{
			endpoint: p.Endpoint(), namespace: realName, labels: p.Labels, node: p.Node, ports: p.Ports, onHost: p.HostNetwork,
		})
	}
	w.addParty(&party{
		endpoint: flow.DNS(), namespace: systemNamespace, labels: map[string]string{"k8s-app": "kube-dns"},
	})
	return nil
}

// addHosts adds the external hosts and the nodes, which exist by their addresses.
func (w *World) addHosts() {
	for e, addrs := range w.Binding.Addresses {
		switch e.Kind {
		case flow.KindNode:
			w.nodes = append(w.nodes, addrs...)
			w.addParty(&party{endpoint: e, node: e.Number()})
		case flow.KindExternal:
			w.addParty(&party{endpoint: e})
		case flow.KindPod, flow.KindDNS, flow.KindUnknown: // exist without
		}
	}
}

func (w *World) addParty(p *party) {
	p.index = len(w.parties)
	p.addrs = w.Binding.Addresses[p.endpoint]
	w.parties[p.endpoint] = p
}

func (w *World) realName(namespace string) string {
	if realName, ok := w.Binding.Namespaces[namespace]; ok {
		return realName
	}
	return namespace
}

func (w *World) scenarioName(realName string) string {
	if name, ok := w.names[realName]; ok {
		return name
	}
	return realName
}

// addrOf is the address of the family among addrs; the zero Addr if there is none.
func addrOf(addrs []netip.Addr, family flow.Family) netip.Addr {
	for _, a := range addrs {
		if familyOf(a) == family {
			return a.Unmap()
		}
	}
	return netip.Addr{}
}

func familyOf(a netip.Addr) flow.Family {
	switch {
	case a.Unmap().Is4():
		return flow.IPv4
	case a.Is6():
		return flow.IPv6
	}
	return flow.FamilyUnknown
}
