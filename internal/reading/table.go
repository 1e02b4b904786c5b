package reading

// table is every reading, those that say most before those that say little: where
// several are consistent, the first is the one to look at first. That nothing is
// enforced at all is no entry: the preflight finds that out before.
func table() []reading {
	return []reading{
		// The lives of pods and namespaces.
		recreatedPodUnknown(),
		{"recreated-pod-open", "a pod that was created anew, now or earlier, being isolated at its old address only", oneOf(strangers(recreated, none), strangers(recreatedSince, none))},
		{"recreated-pod-unadmitted", "a pod that was created anew, now or earlier, being admitted as a peer by its old address only", oneOf(strangers(none, recreated), strangers(none, recreatedSince))},
		{"taken-for-earlier-pod", "an address being taken for the pod that had it before", takenForEarlier},
		addressForgotten(),
		{"unready-pods-open", "a pod that is not ready being isolated no more", strangers(unready, none)},
		{"unready-peers-forgotten", "a pod that is not ready being admitted by nobody", strangers(none, unready)},
		{"renewed-namespace-labels", "a namespace that was created anew keeping the labels of the old one", renewed(oldLabels)},
		{"renewed-namespace-policies", "a namespace that was created anew keeping the policies of the old one", renewed(oldPolicies)},
		// Change.
		{"controller-labels-forgotten", "the labels that controllers give their pods, such as pod-template-hash, being left out", state(withoutControllers)},
		{"pod-labels-stale", "a change of a pod's labels having been missed", changed(podLabels)},
		{"namespace-labels-stale", "a change of a namespace's labels having been missed", relabelled(namespaceLabels)},
		{"label-removal-stale", "a label that was taken away being remembered", relabelled(removedLabels)},
		{"policy-update-stale", "an update of a policy having been missed", changed(policyUpdates)},
		{"policy-deletion-stale", "a deleted policy being in force still", changed(policyDeletions)},
		{"bystanders-forgotten", "policies that did not change having been forgotten when another one did", bystandersForgotten},
		{"step-missed", "everything that the step changed having been missed, labels and policies", stepMissed},
		// Peers.
		{"and-as-or", "the two selectors of one peer being joined by OR, not AND", policies(andAsOr)},
		{"peers-crossed", "the namespaces of one peer of a rule and the pods of another making a peer, too", policies(crossPeers)},
		{"namespace-selector-ignored", "a peer's namespaceSelector being ignored", policies(anyNamespace)},
		{"pod-selector-ignored", "a peer's podSelector being ignored", policies(anyPod)},
		{"own-namespace-forgotten", "a podSelector alone being applied to all namespaces, not to the policy's own", policies(everyNamespace)},
		{"or-as-and", "several peers of one rule all having to match", folded(peersIntersect)},
		{"first-peer-only", "only the first peer of a rule counting", folded(firstPeer)},
		{"peers-pods-only", "a rule without peers being for pods only", policies(podsOnly)},
		{"all-namespaces-as-anyone", "an empty namespaceSelector being for everybody, hosts outside included", policies(anyone)},
		{"label-signs-alike", "dots, dashes and underscores in labels being alike", state(signsAlike)},
		{"exists-ignored", "Exists in a selector being ignored", policies(withoutOperator("Exists"))},
		{"does-not-exist-ignored", "DoesNotExist in a selector being ignored", policies(withoutOperator("DoesNotExist"))},
		{"not-in-wants-the-key", "NotIn not matching what lacks the key", policies(notInWantsKey)},
		// Address blocks.
		{"except-as-deny", "an ipBlock's except being a denial, also of what another rule or policy admits", exceptDenies},
		{"except-ignored", "an ipBlock's except being ignored", policies(keepExcepts(0))},
		{"first-except-only", "only the first except of an ipBlock counting", policies(keepExcepts(1))},
		{"zero-prefix-ignored", "an ipBlock of prefix length 0 holding nothing", policies(withoutBlocks("/0"))},
		{"ip-block-ignored", "ipBlocks holding nothing", policies(withoutBlocks(""))},
		// Ports.
		{"named-port-of-one-pod", "a named port having the number that one pod gives it, on every pod", numbersOfOnePod},
		{"named-port-opens-all", "a named port opening every port", policies(namedOpensAll)},
		{"named-port-ignored", "a named port opening nothing", policies(namedOpensNothing)},
		{"end-port-ignored", "endPort being ignored", policies(shortenRanges(noRange))},
		{"end-port-exclusive", "the last port of a range not being opened", policies(shortenRanges(lessOne))},
		{"portless-opens-nothing", "a port entry with only a protocol opening nothing", policies(portlessNothing)},
		{"portless-opens-all", "a port entry with only a protocol opening every protocol", policies(portlessAll)},
		{"protocol-ignored", "a port being opened for TCP, UDP and SCTP alike", policies(anyProtocol)},
		{"ports-ignored", "a rule's ports being ignored", policies(anyPort)},
		// Rules and policies.
		{"ports-peers-crossed", "the rules of a policy being merged: every peer may use every port", folded(crossed)},
		{"first-rule-only", "only the first rule of a direction counting", folded(firstRule)},
		{"last-rule-only", "only the last rule of a direction counting", folded(lastRule)},
		{"first-policy-only", "only the first policy that selects a pod counting", folded(firstPolicy)},
		{"last-policy-only", "only the last policy that selects a pod counting", folded(lastPolicy)},
		{"policies-intersect", "all policies that select a pod having to allow", folded(policiesIntersect)},
		{"policy-in-every-namespace", "a policy selecting pods of every namespace", state(policiesEverywhere)},
		// The data path.
		{"replies-judged", "replies being judged as connections of their own (no state kept)", repliesJudged},
		{"answers-denied", "what is denied coming through, and only its answer being dropped", answersDenied},
		{"service-port-judged", "a connection through a Service being judged by the Service's port", servicePort},
		{"service-path-open", "connections through a Service not being judged", unless(throughService)},
		{"node-traffic-judged", "what a node sends to its own pods being judged like other traffic", nodeTraffic},
		{"peers-ipv4-only", "pods being admitted as peers by their IPv4 address only", folded(ipv4PeersOnly)},
		{"ipv6-open", "IPv6 not being denied", unless(overIPv6)},
		{"ipv4-open", "IPv4 not being denied", unless(overIPv4)},
		{"udp-open", "UDP not being denied", unless(byUDP)},
		{"sctp-open", "SCTP not being denied", unless(bySCTP)},
		{"sctp-dropped", "an isolated pod having no SCTP at all", folded(noSCTP)},
		{"same-node-open", "connections within a node not being denied", unless(sameNode)},
		{"cross-node-open", "connections between nodes not being denied", unless(crossNode)},
		{"source-port-passes", "what comes from the port that the scenario dials from being let through", fromOnePort},
		// Those that explain nearly anything.
		{"empty-selector-selects-none", "an empty selector selecting nothing", policies(emptySelectsNone)},
		{"ingress-ignored", "the ingress half of policies being ignored", state(withoutDirection("Ingress"))},
		{"egress-ignored", "the egress half of policies being ignored", state(withoutDirection("Egress"))},
		{"peers-ignored", "a rule's peers being ignored", policies(anyPeer)},
		{"rules-ignored", "rules admitting nothing", folded(noRule)},
		{"policy-creation-missed", "a new policy having been missed", changed(policyCreations)},
	}
}
