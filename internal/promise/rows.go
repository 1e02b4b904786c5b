package promise

import "slices"

// Rows are the rows of docs/semantics.md, in its order. Whoever changes the document's
// rows changes these, and a test holds the two together.
//
// The scenarios that go by name, or mirrored, by default are few and cheap: each stands
// for several rows.
func Rows() []Row {
	return slices.Concat(isolation(), rules(), traffic(), options(), open())
}

const (
	// writtenOut is why rows have no mirror.
	writtenOut = "what has a mirror needs ends that all serve the same ports; its scenarios of the other direction are written out"
	// sctpApart is why rows about other protocols leave SCTP out.
	sctpApart = "SCTP has a row of its own"
	// noEndpoint is why the row of pods that are not ready has no path over a Service.
	noEndpoint = "no Service leads to a pod that is not ready"
	// kubelets is why the row of a pod's own node has few axes.
	kubelets = "the row is about kubelets, which probe pods at their addresses"
)

// isolation is whom policies isolate, and how they add up.
func isolation() []Row {
	return []Row{
		{
			Behaviour: "A pod that no policy selects is unrestricted; a selected pod is isolated, per direction in policyTypes", Level: Must,
			Scenarios: []string{"isolation-per-direction", "unselected-pods-stay-open", "default-deny-ingress", "policy-types-defaulting"},
			ByName:    []string{"policy-types-defaulting"}, Mirrored: []string{"isolation-per-direction"},
		},
		{
			Behaviour: "Policies add up; there is no order and no deny rule", Level: Must,
			Scenarios: []string{"union-of-two-policies", "union-of-four-policies", "complementary-egress"},
			ByName:    []string{"complementary-egress"}, Mirrored: []string{"complementary-egress"},
		},
		{
			Behaviour: "A connection needs both egress at its source and ingress at its destination; direction is who initiates", Level: Must,
			Scenarios: []string{"both-ends-must-agree", "both-ends-on-different-ports", "complementary-egress"},
			ByName:    []string{"complementary-egress"}, Mirrored: []string{"complementary-egress"},
		},
		{
			Behaviour: "Replies of an allowed connection are allowed", Level: Must,
			Scenarios: []string{"replies-need-no-rule", "open-connections-go-on", "open-connections-outlive-a-restart"},
			ByName:    []string{"replies-need-no-rule"}, Mirrored: []string{"replies-need-no-rule"},
		},
		{
			Behaviour: "Empty or missing `ports`, `from`, `to` mean everything; an empty list of rules means nothing; `{}` as a rule means everything", Level: Must,
			Scenarios: []string{"no-rules-or-an-empty-rule", "empty-from-and-ports-admit-everyone", "ports-omitted-means-all", "allow-all-elsewhere-helps-nobody"},
			ByName:    []string{"allow-all-elsewhere-helps-nobody"}, Mirrored: []string{"allow-all-elsewhere-helps-nobody"},
		},
		{
			Behaviour: "policyTypes left out: Ingress always, Egress when there are egress rules", Level: Must,
			Scenarios: []string{"policy-types-defaulting"},
			ByName:    []string{"policy-types-defaulting"},
			Without:   []Gap{{"direction", "mirrored", "the default is of ingress: a mirror has to name its types"}},
		},
	}
}

// rules are what rules name.
func rules() []Row {
	return []Row{
		{
			Behaviour: "protocol defaults to TCP; a missing port means all ports of that protocol", Level: Must,
			Scenarios: []string{"protocol-defaults-to-tcp", "protocol-alone-is-all-its-ports", "protocol-alone-in-egress"},
			ByName:    []string{"protocol-alone-is-all-its-ports"},
			Without:   []Gap{{"direction", "mirrored", writtenOut}},
		},
		{
			Behaviour: "podSelector and namespaceSelector in one peer: both; two peers: either; an empty selector: all; podSelector alone: the policy's own namespace", Level: Must,
			Scenarios: []string{"both-selectors-must-match", "either-of-two-peers", "empty-selectors-in-one-peer", "pod-selector-alone-stays-at-home", "complementary-egress", "absence-follows-removal"},
			ByName:    []string{"complementary-egress"}, Mirrored: []string{"complementary-egress", "absence-follows-removal"},
		},
		{
			Behaviour: "matchExpressions In, NotIn, Exists, DoesNotExist; NotIn and DoesNotExist also match objects without the key", Level: Must,
			Scenarios: []string{"in-takes-each-value", "not-in-shuts-out-each-value", "exists-takes-any-value", "does-not-exist-takes-absent-keys", "absence-follows-removal"},
			ByName:    []string{"absence-follows-removal"}, Mirrored: []string{"absence-follows-removal"},
		},
		{
			Behaviour: "A named port is resolved on each destination pod by itself, with its protocol", Level: Must,
			Scenarios: []string{"named-port-is-each-pods-own", "named-port-keeps-its-protocol", "named-port-in-egress", "named-ports-follow-the-pods"},
			ByName:    []string{"named-port-is-each-pods-own"},
			Without:   []Gap{{"direction", "mirrored", writtenOut}},
		},
		{
			Behaviour: "`except` is taken out of that ipBlock only; it is no deny: another rule or policy may still allow", Level: Must,
			Scenarios: []string{"except-in-ingress", "except-in-egress", "except-allowed-again-by-a-rule", "except-allowed-again-by-a-policy"},
			ByName:    []string{"except-in-ingress"},
			Without: []Gap{
				{"direction", "mirrored", writtenOut},
				{"protocol", "sctp", "hosts outside serve none: what translates addresses on the way to them need not know it"},
			},
		},
	}
}

// traffic is which connections are judged, and when.
func traffic() []Row {
	return []Row{
		{
			Behaviour: "TCP and UDP", Level: Must,
			Scenarios: []string{"udp-rule-denies-tcp", "udp-in-egress", "protocol-alone-is-all-its-ports"},
			ByName:    []string{"protocol-alone-is-all-its-ports"},
			Without:   []Gap{{"direction", "mirrored", writtenOut}, {"protocol", "sctp", sctpApart}},
		},
		{
			Behaviour: "Changes of labels, policies, and their deletion are followed, for new connections", Level: Must,
			Scenarios: []string{"peer-follows-its-labels", "namespace-follows-its-labels", "peers-changed", "ports-changed", "one-of-two-deleted", "absence-follows-removal"},
			ByName:    []string{"absence-follows-removal"}, Mirrored: []string{"absence-follows-removal"},
		},
		{
			Behaviour: "A pod that starts under policies keeps to them from the first instant of any of its containers; what they allow comes in time", Level: Must,
			Scenarios: []string{"new-pods-keep-to-policies-from-their-first-instant"},
			Apart:     "it is a scenario of topic dynamics, which are run apart: --dynamics",
		},
		{
			Behaviour: "A pod that is being deleted stays isolated to its end, also by what changes meanwhile", Level: Must,
			Scenarios: []string{"terminating-pods-stay-isolated"},
			Apart:     "it is a scenario of topic dynamics, which are run apart: --dynamics",
		},
		{
			Behaviour: "Whether a pod is ready makes no difference, neither to its isolation nor to its being a peer", Level: Must,
			Scenarios: []string{"unready-pods-count"},
			Without: []Gap{
				{"via", "clusterIP", noEndpoint}, {"via", "dns", noEndpoint},
				{"protocol", "sctp", sctpApart},
				{"direction", "mirrored", "its policies say the same of both directions: the mirror is the scenario itself"},
			},
		},
		{
			Behaviour: "Traffic from a pod's own node to the pod is allowed (kubelet probes)", Level: Must,
			Scenarios: []string{"own-node-reaches-isolated-pods", "own-node-needs-no-rule", "kubelet-keeps-isolated-pods-ready"},
			Without: []Gap{
				{"via", "clusterIP", kubelets}, {"via", "dns", kubelets},
				{"protocol", "sctp", "no probe of a kubelet uses it"},
				{"placement", "cross-node", "what another node may do is undefined"},
				{"direction", "mirrored", "what a pod may send to its own node is contested"},
			},
		},
		{
			Behaviour: "Policies are namespaced; kubernetes.io/metadata.name selects a namespace by name", Level: Must,
			Scenarios: []string{"allow-all-elsewhere-helps-nobody", "same-name-in-two-namespaces", "namespace-by-name"},
			ByName:    []string{"allow-all-elsewhere-helps-nobody"}, Mirrored: []string{"allow-all-elsewhere-helps-nobody"},
		},
		{
			Behaviour: "pod -> ClusterIP -> pod is judged like pod -> pod", Level: Must,
			Scenarios: []string{"selectors-hold-through-services", "service-port-is-not-judged", "service-port-is-not-judged-in-egress", "named-port-through-services", "complementary-egress"},
			ByName:    []string{"complementary-egress"}, Mirrored: []string{"complementary-egress"},
		},
	}
}

// options are what a cluster may lack.
func options() []Row {
	return []Row{
		{
			Behaviour: "endPort (inclusive, numeric port only)", Level: "optional",
			Scenarios: []string{"end-port-edges", "end-port-in-egress", "end-port-keeps-its-protocol"},
		},
		{
			Behaviour: "SCTP; but an SCTP rule must never act as TCP, and must isolate", Level: "optional",
			Scenarios: []string{"named-port-of-sctp", "sctp-in-egress", "sctp-rule-is-not-tcp", "sctp-policy-isolates-tcp"},
		},
		{
			Behaviour: "IPv6 and dual stack, each family judged alone", Level: "where the cluster has it",
			Scenarios: []string{"each-family-by-itself", "ipv6-block-alone", "ipv6-except"},
		},
	}
}

// open are the rows of which nothing is promised.
func open() []Row {
	return []Row{
		{Behaviour: "ipBlock that matches pod IPs of the cluster", Level: "contested", Scenarios: []string{"pod-by-address", "ingress-from-pod-by-address", "pod-in-except"}},
		{Behaviour: "An egress-isolated pod -> its own node", Level: "contested"},
		{Behaviour: "Another node -> an ingress-isolated pod", Level: "undefined"},
		{Behaviour: "A pod -> itself, directly or through its own Service", Level: "undefined", Scenarios: []string{"pod-to-itself"}},
		{Behaviour: "ipBlock against addresses that a Service or SNAT rewrites", Level: "undefined", Scenarios: []string{"by-address-block"}},
		{Behaviour: "What comes over a node's port (NodePort): whose address the policies see depends on where it is translated", Level: "undefined", Scenarios: []string{"node-port"}},
		{Behaviour: "TCP connections that stand when a policy of one of their ends, or a label of it, changes", Level: "undefined", Scenarios: []string{"established-connections"}},
		{Behaviour: "Datagrams from the port of an exchange that was allowed before", Level: "undefined", Scenarios: []string{"redialled-udp-after-an-allow"}},
		{Behaviour: "A pod that is being deleted keeps what the policies allow it, as the one that is isolated or as a peer", Level: "undefined", Scenarios: []string{"terminating-pods"}},
		{Behaviour: "hostNetwork pods as subject or peer, and their node's address in an ipBlock", Level: "undefined", Scenarios: []string{"host-network"}},
		{Behaviour: "ICMP, ARP and other protocols", Level: "undefined", Scenarios: []string{"icmp-echo"}},
		{Behaviour: "Drop or reject", Level: "recorded: the outcome says which"},
		{Behaviour: "How long until a policy takes effect", Level: "no bound: measured"},
	}
}
