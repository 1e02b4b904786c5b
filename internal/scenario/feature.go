package scenario

import (
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/netpol"
)

// Feature is a word of `spec.features`.
type Feature struct {
	Name    string
	Meaning string // one sentence
	// Cluster is true for what a scenario asks of a cluster, false for what its
	// policies use. The former may be declared, the latter must be.
	Cluster bool
}

// Features are all words that `spec.features` may hold, sorted by name.
func Features() []Feature {
	return []Feature{
		{"cluster-owned", "A step labels kube-system, which is done only on a cluster that cniproof made.", true},
		{"dns", "Pods query the cluster's DNS service.", true},
		{"egress", "A policy isolates pods for egress.", false},
		{"end-port", "A policy opens a range of ports with endPort.", false},
		{"except", "A policy takes an inner range out of an ipBlock with except.", false},
		{"external-host", "Hosts outside the cluster take part.", true},
		{"ingress", "A policy isolates pods for ingress.", false},
		{"init-sidecar", "A pod has an init container that runs for as long as the pod does, which Kubernetes knows since 1.29.", true},
		{"ip-block", "A policy names peers by their address with ipBlock.", false},
		{"ipv6", "A policy names an IPv6 address of the cluster.", true},
		{"match-expressions", "A policy selects by matchExpressions.", false},
		{"named-port", "A policy opens a port by its name.", false},
		{"namespace-selector", "A policy names peers by the labels of their namespace.", false},
		{"node-traffic", "The nodes themselves take part.", true},
		{"pod-readiness", "A step makes pods unready, by a condition in their status.", true},
		{"pod-selector", "A policy names peers by their own labels.", false},
		{"restart", "A step restarts the CNI's agent.", true},
		{"sctp", "A policy names SCTP.", false},
		{"two-nodes", "Pods are placed on two nodes.", true},
	}
}

// Needs are the features of a cluster that the scenario asks for, sorted. A cluster
// that lacks one cannot run it.
func Needs(s *Scenario) []string {
	needs := map[string]bool{
		"external-host": s.Topology.External.Hosts > 0,
		"node-traffic":  s.Topology.Nodes.Probed || len(s.Topology.onHost()) > 0,
		"dns":           s.Topology.DNS,
		"pod-readiness": len(s.Topology.Gated) > 0,
		"init-sidecar":  slices.ContainsFunc(s.Topology.Pods, func(p Pod) bool { return len(p.InitSidecar) > 0 }),
		"two-nodes":     s.Topology.NodeCount() > 1,
	}
	for act := range s.acts() {
		needs["restart"] = needs["restart"] || act.Restart
		for _, change := range act.Label {
			needs["cluster-owned"] = needs["cluster-owned"] || change.Namespace == kubeSystem
		}
		for _, m := range act.Apply {
			needs["ipv6"] = needs["ipv6"] || namesIPv6(m.policy)
		}
	}
	return trueOnes(needs)
}

// namesIPv6 reports whether a policy needs an IPv6 address of the cluster.
func namesIPv6(p *networkingv1.NetworkPolicy) bool {
	return slices.ContainsFunc(templates(p), func(t template) bool {
		for _, ref := range reference.FindAllStringSubmatch(t.text, -1) {
			if v, err := parseVariable(ref[1]); err == nil && (v.family == flow.IPv6 || t.family() == flow.IPv6) {
				return true
			}
		}
		return false
	})
}

// used are the features that the policies of a scenario use, sorted.
func used(s *Scenario) []string {
	found := map[string]bool{}
	for m := range s.Manifests() {
		policy := m.policy.DeepCopy()
		netpol.Default(policy)
		policyFeatures(policy, found)
	}
	return trueOnes(found)
}

func policyFeatures(p *networkingv1.NetworkPolicy, found map[string]bool) {
	found["ingress"] = found["ingress"] || slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
	found["egress"] = found["egress"] || slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	found["match-expressions"] = found["match-expressions"] || len(p.Spec.PodSelector.MatchExpressions) > 0
	for _, rule := range p.Spec.Ingress {
		peerFeatures(rule.From, found)
		portFeatures(rule.Ports, found)
	}
	for _, rule := range p.Spec.Egress {
		peerFeatures(rule.To, found)
		portFeatures(rule.Ports, found)
	}
}

func peerFeatures(peers []networkingv1.NetworkPolicyPeer, found map[string]bool) {
	for _, peer := range peers {
		if s := peer.PodSelector; s != nil {
			found["pod-selector"] = true
			found["match-expressions"] = found["match-expressions"] || len(s.MatchExpressions) > 0
		}
		if s := peer.NamespaceSelector; s != nil {
			found["namespace-selector"] = true
			found["match-expressions"] = found["match-expressions"] || len(s.MatchExpressions) > 0
		}
		if peer.IPBlock != nil {
			found["ip-block"] = true
			found["except"] = found["except"] || len(peer.IPBlock.Except) > 0
		}
	}
}

func portFeatures(ports []networkingv1.NetworkPolicyPort, found map[string]bool) {
	for _, port := range ports {
		found["named-port"] = found["named-port"] || port.Port != nil && port.Port.Type == intstr.String
		found["end-port"] = found["end-port"] || port.EndPort != nil
		found["sctp"] = found["sctp"] || *port.Protocol == "SCTP"
	}
}

func trueOnes(m map[string]bool) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if m[name] {
			list = append(list, name)
		}
	}
	return list
}
