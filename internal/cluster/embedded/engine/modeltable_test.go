package engine

import "maps"

// modelTable is every feature and every fault of the model, by topic.
func modelTable() map[string][]modelRow {
	all := map[string][]modelRow{}
	for _, part := range []map[string][]modelRow{policyRows(), peerRows(), blockRows(), portRows(), familyRows(), changeRows(), subtleRows()} {
		maps.Copy(all, part)
	}
	return all
}

func policyRows() map[string][]modelRow {
	deny := []string{`x/deny {podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress, Egress]}`}
	union := []string{
		`x/p1 {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}`,
		`x/p2 {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}], ports: [{port: 80}]}]}`,
	}
	return map[string][]modelRow{
		"no policy": {
			{flow: "x/b -> x/a:80/tcp", allow: true}, {flow: "out -> x/a:80/udp over ipv6", allow: true},
		},
		"deny both directions": {
			{deny, "x/b -> x/a:80/tcp", false, []Fault{EnforceNothing, IgnoreIngress, SameNodeUnenforced}},
			{deny, "x/a -> x/b:80/tcp", false, []Fault{EnforceNothing, IgnoreEgress, SameNodeUnenforced}},
			{deny, "x/a -> y/b:80/udp", false, []Fault{UDPUnenforced, CrossNodeUnenforced}},
			{deny, "out -> x/a:80/tcp over ipv6", false, []Fault{IPv6Unenforced, OnlyFirstFamily}},
			{deny, "y/b -> x/a:80/sctp", false, []Fault{CrossNodeUnenforced}},
			{deny, "x/b -> x/c:80/tcp", true, nil},
			{deny, "x/b -> y/a:80/tcp", true, []Fault{PolicyOfOtherNamespace}},
		},
		"one direction": {
			{[]string{`x/in {podSelector: {matchLabels: {pod: a}}}`}, "x/a -> x/b:80/tcp", true, []Fault{DirectionsSwapped}},
			{[]string{`x/in {podSelector: {matchLabels: {pod: a}}}`}, "x/b -> x/a:80/tcp", false, []Fault{DirectionsSwapped}},
			{[]string{`x/out {podSelector: {}, policyTypes: [Egress]}`}, "out -> x/a:80/tcp", true, []Fault{DirectionsSwapped}},
			{[]string{`x/untyped {podSelector: {}, policyTypes: []}`}, "out -> x/a:80/tcp", true, nil},
		},
		"policies add up": {
			{union, "x/b -> x/a:81/tcp", true, []Fault{PoliciesIntersect}},
			{union, "x/c -> x/a:80/tcp", true, []Fault{FirstPolicyOnly, PoliciesIntersect}},
			{union, "x/c -> x/a:81/tcp", false, nil},
			{union, "x/b -> x/c:80/tcp", false, []Fault{EmptySelectorSelectsNone}},
			{union, "y/a -> x/b:80/tcp", false, []Fault{EmptySelectorSelectsNone, OnePodPerNode}},
		},
		"equal names": {
			{[]string{`x/p {podSelector: {}}`, `y/p {podSelector: {}, ingress: [{}]}`}, "x/b -> x/a:80/tcp", false, []Fault{SamePolicyNameCollision}},
		},
	}
}

func peerRows() map[string][]modelRow {
	from := func(peers string) []string {
		return []string{`x/p {podSelector: {matchLabels: {pod: a}}, ingress: [{from: ` + peers + `}]}`}
	}
	both := from(`[{namespaceSelector: {matchLabels: {ns: "y"}}, podSelector: {matchLabels: {pod: a}}}]`)
	two := from(`[{namespaceSelector: {matchLabels: {ns: "y"}}}, {podSelector: {matchLabels: {pod: b}}}]`)
	rules := []string{`x/p {podSelector: {matchLabels: {pod: a}}, ingress: [
		{from: [{podSelector: {matchLabels: {pod: b}}}], ports: [{port: 80}]},
		{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}], ports: [{port: 81}]}]}`}
	expression := func(e string) []string { return from(`[{namespaceSelector: {matchExpressions: [` + e + `]}}]`) }
	return map[string][]modelRow{
		"pod selector": {
			{from(`[{podSelector: {matchLabels: {pod: b}}}]`), "x/b -> x/a:80/tcp", true, nil},
			{from(`[{podSelector: {matchLabels: {pod: b}}}]`), "x/c -> x/a:80/tcp", false, []Fault{IgnorePodSelector}},
			{from(`[{podSelector: {matchLabels: {pod: b}}}]`), "y/b -> x/a:80/tcp", false, []Fault{PeerNamespaceForgotten}},
			{from(`[{podSelector: {}}]`), "x/c -> x/a:80/tcp", true, []Fault{EmptySelectorSelectsNone}},
			{from(`[{podSelector: {}}]`), "z/c -> x/a:80/tcp", false, []Fault{PeerNamespaceForgotten}},
		},
		"namespace selector": {
			{from(`[{namespaceSelector: {matchLabels: {ns: "y"}}}]`), "y/b -> x/a:80/tcp", true, nil},
			{from(`[{namespaceSelector: {matchLabels: {ns: "y"}}}]`), "z/c -> x/a:80/tcp", false, []Fault{IgnoreNamespaceSelector}},
			{from(`[{namespaceSelector: {}}]`), "z/c -> x/a:80/tcp", true, []Fault{EmptySelectorSelectsNone}},
			{from(`[{namespaceSelector: {}}]`), "out -> x/a:80/tcp", false, []Fault{AllNamespacesAsAnyone}},
			{from(`[]`), "out -> x/a:80/tcp", true, []Fault{MissingPeersAsPods}},
		},
		"both selectors": {
			{both, "y/a -> x/a:80/tcp", true, nil},
			{both, "y/b -> x/a:80/tcp", false, []Fault{AndAsOr, IgnorePodSelector}},
			{both, "x/b -> x/a:80/tcp", false, nil},
			{from(`[{namespaceSelector: {matchLabels: {ns: "y"}}, podSelector: {matchLabels: {pod: b}}}]`), "x/b -> x/a:80/tcp", false, []Fault{AndAsOr, IgnoreNamespaceSelector}},
		},
		"two peers": {
			{two, "y/a -> x/a:80/tcp", true, []Fault{OrAsAnd}},
			{two, "x/b -> x/a:80/tcp", true, []Fault{OrAsAnd, FirstPeerOnly}},
			{two, "x/c -> x/a:80/tcp", false, nil},
		},
		"two rules": {
			{rules, "x/b -> x/a:80/tcp", true, []Fault{LastRuleOnly}},
			{rules, "y/a -> x/a:81/tcp", true, []Fault{FirstRuleOnly}},
			{rules, "x/b -> x/a:81/tcp", false, []Fault{PortsPeersCrossed, IgnorePorts}},
		},
		"expressions": {
			{expression(`{key: env, operator: In, values: [dev, test]}`), "y/a -> x/a:80/tcp", true, nil},
			{expression(`{key: env, operator: In, values: [dev, test]}`), "z/c -> x/a:80/tcp", false, nil},
			{expression(`{key: env, operator: NotIn, values: [dev, test]}`), "y/a -> x/a:80/tcp", false, []Fault{NotInAsOr}},
			{expression(`{key: env, operator: NotIn, values: [dev]}`), "y/a -> x/a:80/tcp", false, nil},
			{expression(`{key: env, operator: NotIn, values: [dev]}`), "z/c -> x/a:80/tcp", true, []Fault{AbsentKeyFailsNotIn}},
			{expression(`{key: env, operator: Exists}`), "y/a -> x/a:80/tcp", true, nil},
			{expression(`{key: env, operator: Exists}`), "z/c -> x/a:80/tcp", false, []Fault{ExistsIgnored}},
			{expression(`{key: env, operator: DoesNotExist}`), "z/c -> x/a:80/tcp", true, nil},
			{expression(`{key: env, operator: DoesNotExist}`), "y/a -> x/a:80/tcp", false, []Fault{DoesNotExistIgnored}},
		},
	}
}

func blockRows() map[string][]modelRow {
	from := func(rules string) []string {
		return []string{`x/p {podSelector: {matchLabels: {pod: a}}, ingress: ` + rules + `}`}
	}
	except := from(`[{from: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.64/26, 192.0.2.9/32]}}]}]`)
	again := from(`[{from: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.0/28]}}]}, {from: [{ipBlock: {cidr: 192.0.2.9/32}}]}]`)
	nested := from(`[{from: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 80}]}, {from: [{ipBlock: {cidr: 192.0.2.0/28}}], ports: [{port: 81}]}]`)
	equal := from(`[{from: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 80}]}, {from: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 81}]}]`)
	return map[string][]modelRow{
		"block": {
			{from(`[{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]`), "out -> x/a:80/tcp", true, nil},
			{from(`[{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]`), "x/b -> x/a:80/tcp", false, nil},
			{from(`[{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]`), "out -> x/a:80/tcp over ipv6", false, nil},
			{from(`[{from: [{ipBlock: {cidr: 192.0.2.77/26}}]}]`), "out77 -> x/a:80/tcp", true, nil},
			{from(`[{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]`), "out -> x/a:80/tcp", true, []Fault{ZeroPrefixIgnored}},
			{from(`[{from: [{ipBlock: {cidr: "::/0"}}]}]`), "out -> x/a:80/tcp over ipv6", true, []Fault{ZeroPrefixIgnored}},
			{from(`[{from: [{ipBlock: {cidr: "::/0"}}]}]`), "out -> x/a:80/tcp", false, nil},
		},
		"except": {
			{except, "out -> x/a:80/tcp", true, nil},
			{except, "out77 -> x/a:80/tcp", false, []Fault{IgnoreExcept}},
			{except, "out9 -> x/a:80/tcp", false, []Fault{IgnoreExcept, SecondExceptIgnored}},
			{again, "out9 -> x/a:80/tcp", true, []Fault{ExceptAsDeny}},
			{again, "out -> x/a:80/tcp", false, []Fault{IgnoreExcept}},
		},
		"several blocks": {
			{nested, "out -> x/a:80/tcp", true, []Fault{NestedBlockShadows}},
			{nested, "out77 -> x/a:80/tcp", true, nil},
			{nested, "out77 -> x/a:81/tcp", false, nil},
			{equal, "out -> x/a:80/tcp", true, []Fault{EqualBlockOverwrites}},
			{equal, "out -> x/a:81/tcp", true, nil},
		},
	}
}

func portRows() map[string][]modelRow {
	in := func(ports string) []string {
		return []string{`x/p {podSelector: {}, ingress: [{ports: ` + ports + `}]}`}
	}
	out := func(rule string) []string {
		return []string{`x/p {podSelector: {matchLabels: {pod: c}}, policyTypes: [Egress], egress: [` + rule + `]}`}
	}
	return map[string][]modelRow{
		"numbers": {
			{in(`[{port: 80}]`), "x/b -> x/a:80/tcp", true, nil},
			{in(`[{port: 80}]`), "x/b -> x/a:81/tcp", false, []Fault{IgnorePorts}},
			{in(`[{port: 80}]`), "x/b -> x/a:80/udp", false, []Fault{ProtocolBlind, UDPUnenforced}},
			{in(`[{port: 80, protocol: SCTP}]`), "x/b -> x/a:80/tcp", false, []Fault{SCTPAsTCP}},
			{in(`[{port: 80, protocol: SCTP}]`), "x/b -> x/a:80/sctp", true, []Fault{SCTPDroppedAlways, SCTPAsTCP}},
			{in(`[{port: 80, protocol: UDP}]`), "x/b -> x/a:80/tcp", false, []Fault{UDPPortAsTCP}},
			{in(`[]`), "x/b -> x/a:80/sctp", true, []Fault{SCTPDroppedAlways}},
			{in(`[{protocol: UDP}]`), "x/b -> x/a:65535/udp", true, []Fault{PortlessMatchesNothing}},
			{in(`[{protocol: UDP}]`), "x/b -> x/a:0/udp", true, []Fault{PortlessMatchesNothing}},
			{in(`[{protocol: UDP}]`), "x/b -> x/a:80/tcp", false, []Fault{PortlessOpensProtocols, ProtocolBlind}},
		},
		"ranges": {
			{in(`[{port: 80, endPort: 90}]`), "x/b -> x/a:79/tcp", false, nil},
			{in(`[{port: 80, endPort: 90}]`), "x/b -> x/a:80/tcp", true, nil},
			{in(`[{port: 80, endPort: 90}]`), "x/b -> x/a:85/tcp", true, []Fault{EndPortIgnored}},
			{in(`[{port: 80, endPort: 90}]`), "x/b -> x/a:90/tcp", true, []Fault{EndPortIgnored, EndPortExclusive}},
			{in(`[{port: 80, endPort: 90}]`), "x/b -> x/a:91/tcp", false, nil},
			{in(`[{port: 80, endPort: 80}]`), "x/b -> x/a:80/tcp", true, nil},
			{in(`[{port: 80, endPort: 65535}]`), "x/b -> x/a:65535/tcp", true, []Fault{EndPortIgnored, EndPortExclusive}},
			{in(`[{port: 80, endPort: 65535}]`), "x/b -> x/a:1/udp", false, nil},
		},
		"names, ingress": {
			{in(`[{port: http}]`), "y/a -> x/a:80/tcp", true, nil},
			{in(`[{port: http}]`), "y/a -> x/b:8080/tcp", true, []Fault{NamedPortOfFirstPod}},
			{in(`[{port: http}]`), "y/a -> x/b:80/tcp", false, []Fault{NamedPortOfFirstPod, NamedPortOpensAll}},
			{in(`[{port: http}]`), "y/a -> x/c:80/tcp", false, []Fault{NamedPortOfFirstPod, NamedPortOpensAll}},
			{in(`[{port: dns}]`), "y/a -> x/a:53/tcp", false, []Fault{NamedPortOpensAll}},
			{in(`[{port: dns}]`), "y/a -> x/a:53/udp", false, []Fault{ProtocolBlind}},
			{in(`[{port: dns, protocol: UDP}]`), "y/a -> x/a:53/udp", true, nil},
			{in(`[{port: beside}]`), "y/a -> x/a:9090/tcp", true, []Fault{SecondContainerForgotten}},
			{in(`[{port: before}]`), "y/a -> x/a:9091/tcp", true, []Fault{InitSidecarForgotten}},
			{in(`[{port: setup}]`), "y/a -> x/a:9092/tcp", false, nil},
			{append(in(`[{port: http}]`), `pod x/a {pod: a, tier: other}`), "y/a -> x/a:80/tcp", true, []Fault{NamedPortsFrozen}},
			{append([]string{`pod x/a {pod: a, tier: other}`}, in(`[{port: http}]`)...), "y/a -> x/a:80/tcp", true, nil},
		},
		"names, egress": {
			{out(`{to: [{namespaceSelector: {}}], ports: [{port: http}]}`), "x/c -> x/a:80/tcp", true, []Fault{EgressNamedPortIgnored}},
			{out(`{to: [{namespaceSelector: {}}], ports: [{port: http}]}`), "x/c -> y/b:8080/tcp", true, []Fault{NamedPortOfFirstPod}},
			{out(`{to: [{namespaceSelector: {}}], ports: [{port: http}]}`), "x/c -> y/b:80/tcp", false, []Fault{NamedPortOfFirstPod, NamedPortOpensAll}},
			{out(`{to: [{namespaceSelector: {}}], ports: [{port: http}]}`), "x/c -> z/c:80/tcp", false, []Fault{NamedPortOfFirstPod}},
			{out(`{ports: [{port: http}]}`), "x/c -> y/b:8080/tcp", true, nil},
			{append(out(`{to: [{namespaceSelector: {}}], ports: [{port: http}]}`), `pod y/b {pod: b, tier: other}`), "x/c -> y/b:8080/tcp", true, []Fault{NamedPortsFrozen}},
			{out(`{ports: [{port: beside}]}`), "x/c -> y/b:9090/tcp", true, []Fault{SecondContainerForgotten}},
			{out(`{ports: [{port: before}]}`), "x/c -> y/b:9091/tcp", true, []Fault{InitSidecarForgotten}},
			{out(`{ports: [{port: http}]}`), "x/c -> out:80/tcp", false, []Fault{NamedPortOpensAll}},
			{out(`{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: http}, {port: 81}]}`), "x/c -> out:81/tcp", true, nil},
			{out(`{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: http}, {port: 81}]}`), "x/c -> y/b:8080/tcp", false, []Fault{NamedPortOpensAll}},
		},
	}
}

func familyRows() map[string][]modelRow {
	policy := []string{`x/p {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}`}
	return map[string][]modelRow{
		"families": {
			{policy, "x/b -> x/a:80/tcp over ipv6", true, []Fault{PeerIPv6Forgotten}},
			{policy, "x/b -> x/a:80/tcp", true, nil},
			{policy, "x/c -> x/a:80/tcp over ipv6", false, []Fault{IPv6Unenforced, OnlyFirstFamily, CrossNodeUnenforced}},
		},
	}
}

func changeRows() map[string][]modelRow {
	const (
		b     = `x/p {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}`
		c     = `x/p {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}]}]}`
		block = ` {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: `
		to    = `x/p {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {pod: b}}}]}]}`
		env   = `x/p {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {env: dev}}}]}]}`
	)
	return map[string][]modelRow{
		"policy changes": {
			{[]string{b, c}, "x/c -> x/a:80/tcp", true, []Fault{StaleOnUpdate, LateUpdateLosesARule}},
			{[]string{b, c}, "x/b -> x/a:80/tcp", false, []Fault{StaleOnUpdate}},
			{[]string{b, "delete x/p"}, "x/c -> x/a:80/tcp", true, []Fault{StaleOnDelete}},
			{[]string{b, "delete x/p", c}, "x/c -> x/a:80/tcp", true, []Fault{StaleOnRecreate}},
			{[]string{b, "delete x/p", c}, "x/b -> x/a:80/tcp", false, []Fault{StaleOnRecreate}},
			{[]string{b, b}, "x/b -> x/a:80/tcp", true, []Fault{LateUpdateLosesARule}},
		},
		"order and names": {
			{[]string{b, `x/q` + c[3:]}, "x/b -> x/a:80/tcp", true, []Fault{OrderDependent}},
			{[]string{`x/p` + block + `80}]}]}`, `x/q` + block + `81}]}]}`}, "x/b -> x/a:80/tcp", true, []Fault{LastCIDRWins}},
			{[]string{b, `pod x/c {pod: c, other: word}`, c}, "x/c -> x/a:80/tcp", true, []Fault{LostUpdateDuringRelabel}},
			{[]string{`xy/p {podSelector: {}, ingress: [{}]}`, `x/yp {podSelector: {}}`, `xy/p {podSelector: {}, ingress: [{}]}`}, "x/b -> x/a:80/tcp", false, []Fault{NameCollision}},
		},
		"pod changes": {
			{[]string{b, `pod x/c {pod: b}`}, "x/c -> x/a:80/tcp", true, []Fault{StaleOnPodRelabel}},
			{[]string{b, `pod x/b {other: word}`}, "x/b -> x/a:80/tcp", false, []Fault{StaleOnPodRelabel, LabelRemovalMissed}},
			{[]string{b, `pod x/b {pod: b, other: word}`}, "x/b -> x/a:80/tcp", true, nil},
			{[]string{b, `pod x/a {}`}, "x/c -> x/a:80/tcp", true, []Fault{StaleOnPodRelabel, LabelRemovalMissed}},
			{[]string{b, "again x/b 10.0.1.99 fd00:1::99"}, "x/b -> x/a:80/tcp", true, []Fault{StaleOnPodRecreate}},
			{[]string{b, "again x/a 10.0.1.99 fd00:1::99"}, "x/c -> x/a:80/tcp", false, nil},
			{[]string{b, "leave x/a"}, "x/c -> x/a:80/tcp", false, []Fault{ForgetsTerminatingPods}},
			{[]string{b, "leave x/b"}, "x/b -> x/a:80/tcp", true, nil},
			{[]string{"leave x/a", b}, "x/c -> x/a:80/tcp", false, []Fault{ForgetsTerminatingPods, LateMissesTerminating}},
			{[]string{b, "leave x/a", c}, "x/b -> x/a:80/tcp", false, []Fault{ForgetsTerminatingPods, StaleOnUpdate}},
			{[]string{b, "unready x/a"}, "x/c -> x/a:80/tcp", false, []Fault{UnreadyPodsOpen}},
			{[]string{"unready x/a", b}, "x/c -> x/a:80/tcp", false, []Fault{UnreadyPodsOpen}},
			{[]string{"unready x/a", b, "ready x/a"}, "x/c -> x/a:80/tcp", false, nil},
			{[]string{b, "unready x/b"}, "x/b -> x/a:80/tcp", true, []Fault{UnreadyPeersForgotten}},
			{[]string{b, "unready x/b", "ready x/b"}, "x/b -> x/a:80/tcp", true, nil},
			{[]string{to, "unready x/b"}, "x/a -> x/b:80/tcp", true, []Fault{UnreadyPeersForgotten}},
			{[]string{to, "unready x/a"}, "x/a -> x/c:80/tcp", false, []Fault{UnreadyPodsOpen}},
			{[]string{b, "end x/b", "again x/c 10.0.1.2 fd00:1::2"}, "x/c -> x/a:80/tcp", false, []Fault{IPReuseStale}},
			{[]string{b, "end x/b", "again y/a 10.0.1.2 fd00:1::2"}, "y/a -> x/a:80/tcp", false, []Fault{IPReuseStale}},
			{[]string{b, "end x/c", "again x/b 10.0.1.3 fd00:1::3", "remove x/c"}, "x/b -> x/a:80/tcp", true, []Fault{IPReuseStale, LateDeleteBreaksNewPod}},
			{[]string{b, "end x/c", "again x/a 10.0.1.3 fd00:1::3", "remove x/c"}, "y/b -> x/a:80/tcp", false, []Fault{IPReuseStale, LateDeleteBreaksNewPod}},
		},
		"namespace changes": {
			{[]string{env, `ns z {env: dev}`}, "z/c -> x/a:80/tcp", true, []Fault{StaleOnNamespaceRelabel}},
			{[]string{env, `renew y {env: prod}`}, "y/a -> x/a:80/tcp", false, []Fault{StaleOnNamespaceRecreate}},
			{[]string{env, `ns y {env: prod}`}, "y/a -> x/a:80/tcp", false, []Fault{StaleOnNamespaceRelabel}},
			{[]string{env, `ns y {other: word}`}, "y/a -> x/a:80/tcp", false, []Fault{StaleOnNamespaceRelabel, LabelRemovalMissed}},
		},
	}
}
