package engine

import "slices"

// The faults. Each is a mistake that a real implementation has made or could make.
const (
	EnforceNothing            Fault = "enforce-nothing"
	IgnoreIngress             Fault = "ignore-ingress"
	IgnoreEgress              Fault = "ignore-egress"
	DirectionsSwapped         Fault = "ingress-checked-on-egress"
	PolicyTypesNotDefaulted   Fault = "policy-types-not-defaulted"
	FirstPolicyOnly           Fault = "first-policy-only"
	PoliciesIntersect         Fault = "policies-intersect"
	PolicyOfOtherNamespace    Fault = "policy-of-other-namespace"
	SamePolicyNameCollision   Fault = "same-policy-name-collision"
	OnePodPerNode             Fault = "one-pod-per-node"
	FirstRuleOnly             Fault = "first-rule-only"
	LastRuleOnly              Fault = "last-rule-only"
	PortsPeersCrossed         Fault = "ports-peers-crossed"
	FirstPeerOnly             Fault = "first-peer-only"
	AndAsOr                   Fault = "and-as-or"
	OrAsAnd                   Fault = "or-as-and"
	IgnoreNamespaceSelector   Fault = "ignore-namespace-selector"
	IgnorePodSelector         Fault = "ignore-pod-selector"
	PeerNamespaceForgotten    Fault = "peer-namespace-forgotten"
	AllNamespacesAsAnyone     Fault = "all-namespaces-as-anyone"
	MissingPeersAsPods        Fault = "missing-peers-as-pods"
	EmptySelectorSelectsNone  Fault = "empty-selector-selects-none"
	NotInAsOr                 Fault = "not-in-as-or"
	AbsentKeyFailsNotIn       Fault = "absent-key-fails-not-in"
	ExistsIgnored             Fault = "exists-ignored"
	DoesNotExistIgnored       Fault = "does-not-exist-ignored"
	IgnoreExcept              Fault = "ignore-except"
	SecondExceptIgnored       Fault = "second-except-ignored"
	ExceptAsDeny              Fault = "except-as-deny"
	ZeroPrefixIgnored         Fault = "zero-prefix-ignored"
	NestedBlockShadows        Fault = "nested-block-shadows"
	EqualBlockOverwrites      Fault = "equal-block-overwrites"
	IgnorePorts               Fault = "ignore-ports"
	ProtocolBlind             Fault = "protocol-blind"
	SCTPAsTCP                 Fault = "sctp-as-tcp"
	SCTPDroppedAlways         Fault = "sctp-dropped-always"
	UDPPortAsTCP              Fault = "udp-port-as-tcp"
	PortlessMatchesNothing    Fault = "portless-matches-nothing"
	PortlessOpensProtocols    Fault = "portless-opens-all-protocols"
	EndPortIgnored            Fault = "end-port-ignored"
	EndPortExclusive          Fault = "end-port-exclusive"
	NamedPortOpensAll         Fault = "named-port-opens-all"
	NamedPortOfFirstPod       Fault = "named-port-of-first-pod"
	NamedPortsFrozen          Fault = "named-ports-frozen"
	EgressNamedPortIgnored    Fault = "egress-named-port-ignored"
	SecondContainerForgotten  Fault = "second-container-forgotten"
	InitSidecarForgotten      Fault = "init-sidecar-forgotten"
	LongPortListsCut          Fault = "long-port-lists-cut"
	LongPeerListsCut          Fault = "long-peer-lists-cut"
	LongRuleListsCut          Fault = "long-rule-lists-cut"
	LongPolicyListsCut        Fault = "long-policy-lists-cut"
	ProductsCut               Fault = "products-cut"
	LargeDatagramsDropped     Fault = "large-datagrams-dropped"
	LargeDatagramsOpen        Fault = "large-datagrams-open"
	LargeSegmentsDropped      Fault = "large-segments-dropped"
	ManyPoliciesCut           Fault = "many-policies-cut"
	RulesOverflow             Fault = "rules-overflow"
	ManyRulesCut              Fault = "many-rules-cut"
	ManyPodsCut               Fault = "many-pods-cut"
	ManyNamespacesCut         Fault = "many-namespaces-cut"
	ManyRequirementsCut       Fault = "many-requirements-cut"
	LabelCaseIgnored          Fault = "label-case-ignored"
	LabelDomainIgnored        Fault = "label-domain-ignored"
	LongLabelsCut             Fault = "long-labels-cut"
	LabelSignsAlike           Fault = "label-signs-alike"
	ControllerLabelsIgnored   Fault = "controller-labels-ignored"
	NamespaceByLabel          Fault = "namespace-by-label"
	InheritedLabelsOverridden Fault = "inherited-labels-overridden"
	SelectorWordsMisread      Fault = "selector-words-misread"
	SelectorsByLetters        Fault = "selectors-by-their-letters"
	PeersCrossed              Fault = "peers-crossed"
	UnlabelledPodsIgnored     Fault = "unlabelled-pods-ignored"
	UnsortedValuesMissed      Fault = "unsorted-values-missed"
	HighPortsIgnored          Fault = "high-ports-ignored"
	NodePortsExempt           Fault = "ports-of-nodes-exempt"
	PortNumberOverwritten     Fault = "port-number-overwritten"
	LongIPv6PrefixCut         Fault = "long-ipv6-prefix-cut"
	PrefixRoundedDown         Fault = "prefix-rounded-down"
	PrefixRoundedUp           Fault = "prefix-rounded-up"
	UnnamedProtocolsOpen      Fault = "unnamed-protocols-open"
	AdmittedIsReached         Fault = "admitted-is-reached"
	UDPUnenforced             Fault = "udp-unenforced"
	IPv6Unenforced            Fault = "ipv6-unenforced"
	OnlyFirstFamily           Fault = "only-first-family"
	PeerIPv6Forgotten         Fault = "peer-ipv6-forgotten"
	SameNodeUnenforced        Fault = "same-node-unenforced"
	CrossNodeUnenforced       Fault = "cross-node-unenforced"
	ServicePathUnenforced     Fault = "service-path-unenforced"
	ServicePortJudged         Fault = "service-port-judged"
	RepliesDropped            Fault = "replies-dropped"
	AnswersDenied             Fault = "answers-denied"
	AnswersToldByPort         Fault = "answers-told-by-port"
	UDPAnswersToldByPort      Fault = "udp-answers-told-by-port"
	DeniedTupleStaysShut      Fault = "denied-tuple-stays-shut"
	AllowedTupleStaysOpen     Fault = "allowed-tuple-stays-open"
	NodeTrafficDenied         Fault = "node-traffic-denied"
	StaleOnUpdate             Fault = "stale-on-update"
	SecondLabelMissed         Fault = "second-label-missed"
	PeersLetGoTogether        Fault = "peers-let-go-together"
	SharedBlocksGivenUp       Fault = "shared-blocks-given-up"
	ForgetsOnMetadataUpdate   Fault = "forgets-on-metadata-update"
	StaleOnEndPort            Fault = "stale-on-end-port"
	UpdateForgetsNamesakes    Fault = "update-forgets-namesakes"
	StaleOnDelete             Fault = "stale-on-delete"
	StaleOnRecreate           Fault = "stale-on-recreate"
	StaleOnPodRelabel         Fault = "stale-on-pod-relabel"
	StaleOnNamespaceRelabel   Fault = "stale-on-namespace-relabel"
	StaleOnNamespaceRecreate  Fault = "stale-on-namespace-recreate"
	StaleOnPodRecreate        Fault = "stale-on-pod-recreate"
	NewPodOpen                Fault = "new-pod-open"
	NewPodClosed              Fault = "new-pod-closed"
	IPReuseStale              Fault = "ip-reuse-stale"
	LateDeleteBreaksNewPod    Fault = "late-delete-breaks-new-pod"
	ForgetsTerminatingPods    Fault = "forgets-terminating-pods"
	LateMissesTerminating     Fault = "late-policy-misses-terminating-pods"
	UnreadyPodsOpen           Fault = "unready-pods-open"
	UnreadyPeersForgotten     Fault = "unready-peers-forgotten"
	LabelRemovalMissed        Fault = "label-removal-missed"
	Flapping                  Fault = "flapping"
	RulesLapse                Fault = "rules-lapse"
	ResyncGoesBack            Fault = "resync-goes-back"
	ResyncLeaks               Fault = "resync-leaks"
	PoisonedByIPv6Block       Fault = "poisoned-by-ipv6-block"
	RestartDeaf               Fault = "restart-deaf"
	RestartForgetsPolicies    Fault = "restart-forgets-policies"
	RestartForgetsBlocks      Fault = "restart-forgets-blocks"
	RestartGoesBack           Fault = "restart-goes-back"
	RestartMissesChanges      Fault = "restart-misses-changes"
	RestartMissesDeletions    Fault = "restart-misses-deletions"
	RestartDeafToNamespaces   Fault = "restart-deaf-to-namespaces"
	RestartDeafToNewPods      Fault = "restart-deaf-to-new-pods"
	RestartDeafToUpdates      Fault = "restart-deaf-to-updates"
	RestartFailsOpen          Fault = "restart-fails-open"
	RestartFailsClosed        Fault = "restart-fails-closed"
	TransientLeakOnUpdate     Fault = "transient-leak-on-update"
	TransientDropOnUpdate     Fault = "transient-drop-on-update"
	TransientLeakOnDelete     Fault = "transient-leak-on-delete"
	RestartCutsConnections    Fault = "restart-cuts-connections"
	ConnectionsCutOnChange    Fault = "connections-cut-on-change"
	OrderDependent            Fault = "order-dependent"
	LastCIDRWins              Fault = "last-cidr-wins"
	LostUpdateDuringRelabel   Fault = "lost-update-during-relabel"
	LateUpdateLosesARule      Fault = "late-update-loses-a-rule"
	NameCollision             Fault = "name-collision"
	Poisoned                  Fault = "poisoned"
	Slow                      Fault = "slow"
)

// AllFaults lists the faults, those of one kind together.
func AllFaults() []FaultInfo { return slices.Clone(faultTable) }

//nolint:gochecknoglobals // constant table
var faultTable = []FaultInfo{
	// Policies.
	{EnforceNothing, "Enforces no policy at all."},
	{IgnoreIngress, "Ignores the ingress half of every policy."},
	{IgnoreEgress, "Ignores the egress half of every policy."},
	{DirectionsSwapped, "Judges what a pod sends by the ingress rules and what it receives by the egress rules."},
	{PolicyTypesNotDefaulted, "Isolates no direction for a policy without policyTypes (planted in the API's defaulting)."},
	{FirstPolicyOnly, "Of several policies that isolate a pod, only the first by namespace and name counts."},
	{PoliciesIntersect, "Of several policies that isolate a pod, all must allow a connection."},
	{PolicyOfOtherNamespace, "A policy selects matching pods of every namespace."},
	{SamePolicyNameCollision, "Policies of equal name in two namespaces overwrite one another."},
	{OnePodPerNode, "A policy is enforced for only one of its selected pods on each node."},
	// Rules and peers.
	{FirstRuleOnly, "Only the first rule of a direction counts."},
	{LastRuleOnly, "Only the last rule of a direction counts."},
	{PortsPeersCrossed, "The rules of a policy are merged: every peer may use every port."},
	{FirstPeerOnly, "Only the first peer of a rule counts."},
	{AndAsOr, "A peer with both selectors also admits pods that match only one of them."},
	{OrAsAnd, "A rule with several peers admits only what matches all of them."},
	{IgnoreNamespaceSelector, "A namespaceSelector matches every namespace."},
	{IgnorePodSelector, "A peer's podSelector matches every pod."},
	{PeerNamespaceForgotten, "A peer with only a podSelector matches pods of all namespaces."},
	{AllNamespacesAsAnyone, "An empty namespaceSelector admits hosts outside the cluster too."},
	{MissingPeersAsPods, "A rule without peers admits only pods, not hosts outside the cluster."},
	{EmptySelectorSelectsNone, "An empty selector matches nothing."},
	{NotInAsOr, "NotIn with several values is satisfied when any of them differs."},
	{AbsentKeyFailsNotIn, "NotIn does not match an object that lacks the key."},
	{ExistsIgnored, "Exists matches every object."},
	{DoesNotExistIgnored, "DoesNotExist matches every object."},
	// Address blocks.
	{IgnoreExcept, "The exceptions of an ipBlock are ignored."},
	{SecondExceptIgnored, "Only the first exception of an ipBlock counts."},
	{ExceptAsDeny, "An exception of an ipBlock denies even what another rule or policy allows."},
	{ZeroPrefixIgnored, "A block of prefix length 0 matches nothing."},
	{NestedBlockShadows, "Of two rules with nested blocks only the one with the smaller block counts inside it."},
	{EqualBlockOverwrites, "Of two rules with the same block only the last counts."},
	// Ports.
	{IgnorePorts, "A rule opens every port."},
	{ProtocolBlind, "A port is opened for TCP, UDP and SCTP alike."},
	{SCTPAsTCP, "An SCTP port opens the TCP port of that number."},
	{SCTPDroppedAlways, "An isolated pod gets no SCTP, whatever is allowed."},
	{UDPPortAsTCP, "A UDP port opens the TCP port of that number."},
	{PortlessMatchesNothing, "A port entry with only a protocol opens nothing."},
	{PortlessOpensProtocols, "A port entry with only a protocol opens every protocol."},
	{EndPortIgnored, "Only the first port of a range is opened."},
	{EndPortExclusive, "The last port of a range is not opened."},
	{NamedPortOpensAll, "A named port opens every port."},
	{NamedPortOfFirstPod, "A named port is the number that the first pod gives it, on every pod."},
	{NamedPortsFrozen, "A named port is looked up when its policy comes: pods that come or are relabelled later give it no number."},
	{EgressNamedPortIgnored, "A named port in an egress rule opens nothing."},
	{SecondContainerForgotten, "Named ports are those of a pod's first container; others open nothing."},
	{InitSidecarForgotten, "Named ports of init containers that run for as long as their pods open nothing."},
	// Length.
	{LongPortListsCut, "Only the first 15 ports of a rule count."},
	{LongPeerListsCut, "Only the first 255 peers of a rule count."},
	{LongRuleListsCut, "Only the first 255 rules of a direction count."},
	{LongPolicyListsCut, "Of the policies that isolate a pod only the first 255 count."},
	{ProductsCut, "Of the pairs of a rule's peers and ports only the first 1024 count, peer by peer."},
	{LargeDatagramsDropped, "A rule for a UDP port admits no datagram that takes more than one frame."},
	{LargeSegmentsDropped, "Of what an isolated pod may get or send over TCP, packets of more than 1000 bytes are dropped."},
	{LargeDatagramsOpen, "A UDP datagram that takes more than one frame is never denied."},
	// Slips.
	{ManyPoliciesCut, "Of the policies that isolate a pod only the first eight count."},
	{RulesOverflow, "Of the rules that all policies of a pod come to, joined where they can be, only 64 are programmed."},
	{ManyRulesCut, "Only the first eight rules of a direction count."},
	{ManyPodsCut, "Of the pods of one namespace that a selector matches only the first eight count, to isolate them or as peers."},
	{ManyNamespacesCut, "Of the namespaces that a selector matches only the first eight count."},
	{ManyRequirementsCut, "Only the first eight requirements of a selector count."},
	{LabelCaseIgnored, "Values of labels are compared without regard to case."},
	{LabelDomainIgnored, "The domain before the slash of a label's key is ignored."},
	{LongLabelsCut, "Of a label's value only the first 62 characters count, and of its key the first 250."},
	{LabelSignsAlike, "Dots, dashes and underscores in labels are alike."},
	{ControllerLabelsIgnored, "Labels that controllers give their pods, such as pod-template-hash, are forgotten."},
	{NamespaceByLabel, "A pod is taken to be of the namespace that its own label io.kubernetes.pod.namespace names."},
	{SelectorWordsMisread, "A selector that asks for a label whose key is a word such as in, not, has or all matches nothing."},
	{InheritedLabelsOverridden, "A namespace's labels are kept among its pods', as pcns.KEY, where a pod's own label goes before."},
	{SelectorsByLetters, "Of two selectors with the same letters one is taken for both: [a, b] for [ab]."},
	{PeersCrossed, "The namespaces of one peer of a rule and the pods of another make a peer, too."},
	{UnlabelledPodsIgnored, "A pod without any label is matched by no selector, not by an empty one either."},
	{UnsortedValuesMissed, "In and NotIn look their values up as if they were sorted."},
	{HighPortsIgnored, "A port above 32767 opens nothing."},
	{NodePortsExempt, "The ports of BGP, kubelets and Geneve are never denied, in pods either."},
	{PortNumberOverwritten, "Of the entries of a rule with one port number, only the last counts, whatever the protocols are."},
	{LongIPv6PrefixCut, "An IPv6 block longer than 64 bits is taken for its first 64."},
	{PrefixRoundedDown, "Of a block's prefix, or an exception's, only whole bytes count: a /20 is taken for a /16."},
	{PrefixRoundedUp, "A block's prefix, or an exception's, is filled up to whole bytes: a /20 is taken for a /24."},
	{UnnamedProtocolsOpen, "Where rules name protocols, the others are not isolated."},
	{AdmittedIsReached, "Whom a policy for both directions admits, its pods may dial."},
	// The data path.
	{UDPUnenforced, "UDP is never denied."},
	{IPv6Unenforced, "IPv6 is never denied."},
	{OnlyFirstFamily, "A pod is known by its first address only: the other family is never denied."},
	{PeerIPv6Forgotten, "Pods are admitted as peers by their IPv4 address only."},
	{SameNodeUnenforced, "Connections between pods of one node are never denied."},
	{CrossNodeUnenforced, "Connections between pods of two nodes are never denied."},
	{ServicePathUnenforced, "A connection through a Service is not judged where its address is translated."},
	{ServicePortJudged, "A connection through a Service is judged by the Service's port."},
	{RepliesDropped, "Keeps no state: replies are judged as connections of their own."},
	{AnswersDenied, "What is denied comes through all the same: only its answer is dropped."},
	{AnswersToldByPort, "What comes over TCP from port 53 is taken for the answer of a DNS server, and let through."},
	{UDPAnswersToldByPort, "A datagram from port 53 is taken for the answer of a DNS server, and let through."},
	{DeniedTupleStaysShut, "What was denied stays so for a minute to whoever dials from the same port again."},
	{AllowedTupleStaysOpen, "What was allowed stays so for a minute to whoever dials from the same port again."},
	{NodeTrafficDenied, "What a node sends to its own pods is judged like any other traffic."},
	// Change.
	{StaleOnUpdate, "The update of a policy is missed."},
	{SecondLabelMissed, "A change of the labels of a pod or a namespace is missed within 300 ms after another."},
	{PeersLetGoTogether, "A relabelled pod that one peer of a rule matches no more is let go by all peers of the policy."},
	{SharedBlocksGivenUp, "A block that a policy has no more is taken from all others that have it."},
	{ForgetsOnMetadataUpdate, "A policy of which nothing but labels or annotations changes is forgotten until its rules do."},
	{StaleOnEndPort, "An update that moves nothing but the end of a range is missed."},
	{UpdateForgetsNamesakes, "When a policy changes, those of its name in other namespaces are forgotten until they change."},
	{StaleOnDelete, "A deleted policy stays in force."},
	{StaleOnRecreate, "A policy that is created again under its old name gets its old content."},
	{StaleOnPodRelabel, "A change of a pod's labels is missed."},
	{StaleOnNamespaceRelabel, "A change of a namespace's labels is missed."},
	{StaleOnNamespaceRecreate, "A namespace that is created again under its old name keeps its old labels."},
	{StaleOnPodRecreate, "A pod that is created again under its old name is known by its old addresses."},
	{NewPodOpen, "A new pod is not isolated for its first 400 ms."},
	{NewPodClosed, "A new pod is admitted by nobody for its first 7 s."},
	{IPReuseStale, "An address keeps the pod that had it first: whoever gets it after that pod has completed is taken for it."},
	{LateDeleteBreaksNewPod, "When a completed pod is deleted its address is forgotten, whoever has it by now."},
	{ForgetsTerminatingPods, "A pod is isolated no more as soon as it is being deleted, although it goes on for its grace period."},
	{LateMissesTerminating, "A policy that comes while a pod is being deleted does not isolate it."},
	{UnreadyPodsOpen, "A pod that is not ready is not isolated."},
	{UnreadyPeersForgotten, "A pod that is not ready is no peer: nobody admits it."},
	{LabelRemovalMissed, "A label that is taken away from a pod or a namespace is remembered."},
	{Flapping, "The rules vanish for about 60 ms every 400 ms."},
	{RulesLapse, "What was programmed is forgotten 45 seconds after the last change, until the next one."},
	{ResyncGoesBack, "Whenever nothing has changed for a minute each policy is made again what it was when it came."},
	{ResyncLeaks, "Whenever nothing has changed for a minute all rules are written anew, and for 50 ms nothing is enforced."},
	{PoisonedByIPv6Block, "After a policy with an IPv6 block was seen, no later change is programmed."},
	{RestartDeaf, "After a restart of the agent no later change is programmed."},
	{RestartForgetsPolicies, "After a restart of the agent the policies from before it are forgotten."},
	{RestartForgetsBlocks, "After a restart of the agent the blocks of policies from before it hold nothing."},
	{RestartGoesBack, "After a restart of the agent each policy is what it was when it came, until it changes."},
	{RestartMissesChanges, "What changes while the agent is away is missed until it changes again."},
	{RestartMissesDeletions, "A policy that is deleted while the agent is away stays in force."},
	{RestartDeafToNamespaces, "After a restart of the agent changes of namespaces are missed."},
	{RestartDeafToNewPods, "After a restart of the agent pods that come are not known."},
	{RestartDeafToUpdates, "After a restart of the agent updates of policies are missed."},
	{RestartFailsOpen, "While the agent restarts no policy is enforced."},
	{RestartFailsClosed, "While the agent restarts no pod is reached."},
	// Change, and its order.
	{TransientLeakOnUpdate, "For 40 ms after an update of a policy nothing is enforced."},
	{TransientDropOnUpdate, "For 40 ms after an update of a policy no pod is reached."},
	{TransientLeakOnDelete, "For 40 ms after the deletion of a policy nothing is enforced."},
	{RestartCutsConnections, "When the agent restarts, every TCP connection that stands is cut."},
	{ConnectionsCutOnChange, "Whenever policies change, every TCP connection that stands is cut."},
	{OrderDependent, "Of several policies that isolate a pod, only the one that was created last counts."},
	{LastCIDRWins, "Of two policies with the same block, only the one that was created last counts for it."},
	{LostUpdateDuringRelabel, "The update of a policy within half a second after a pod of its namespace was relabelled is lost."},
	{LateUpdateLosesARule, "A change takes effect 0.6 seconds late, and the update of a policy without its last rule."},
	{NameCollision, "A policy is known by the first 200 letters of its namespace's name and its own, run together."},
	{Poisoned, "After a policy with a name of more than 63 letters was seen, no later change is programmed."},
	{Slow, "A change takes effect 12 seconds late."},
}
