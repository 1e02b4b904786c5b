package engine

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// subtleRows are of lists that are cut short, and of slips.
func subtleRows() map[string][]modelRow {
	from := func(peers string) []string {
		return []string{`x/p {podSelector: {matchLabels: {pod: a}}, ingress: [{from: ` + peers + `}]}`}
	}
	in := func(ports string) []string {
		return []string{`x/p {podSelector: {}, ingress: [{ports: ` + ports + `}]}`}
	}
	labelled := func(key, has, wanted string) []string {
		return append([]string{fmt.Sprintf("pod x/b {%s: %s}", key, has)}, from(fmt.Sprintf("[{podSelector: {matchLabels: {%s: %s}}}]", key, wanted))...)
	}
	repeat := func(count int, format, last string) string {
		var all []string
		for i := range count {
			all = append(all, fmt.Sprintf(format, i+1))
		}
		return "[" + strings.Join(append(all, last), ", ") + "]"
	}
	rules := func(before int) []string {
		return []string{`x/p {podSelector: {}, ingress: ` + repeat(before, "{ports: [{port: 9%03d}]}", "{ports: [{port: 80}]}") + `}`}
	}
	policies := func(before int) (all []string) {
		for i := range before {
			all = append(all, fmt.Sprintf(`x/p%03d {podSelector: {}, ingress: [{ports: [{port: 9%03d}]}]}`, i, i))
		}
		return append(all, `x/q {podSelector: {}, ingress: [{ports: [{port: 80}]}]}`)
	}
	product := []string{`x/p {podSelector: {}, ingress: [{from: ` + repeat(32, "{podSelector: {matchLabels: {pod: none-%d}}}", "{podSelector: {}}") +
		`, ports: ` + repeat(31, "{port: 9%03d}", "{port: 80}") + `}]}`}
	requirements := from(`[{namespaceSelector: {}, podSelector: {matchExpressions: ` +
		repeat(8, "{key: none-%d, operator: DoesNotExist}", "{key: pod, operator: In, values: [b]}") + `}}]`)
	var pods, namespaces []string // eight that come before x/b and y
	for i := range 8 {
		pods = append(pods, fmt.Sprintf("new x/a%d {pod: b}", i))
		namespaces = append(namespaces, fmt.Sprintf(`renew n%d {env: dev}`, i), fmt.Sprintf(`new n%d/p {pod: p}`, i))
	}
	admits := []string{`x/p {podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}`}
	return map[string][]modelRow{
		"long lists": {
			{in(repeat(15, "{port: %d}", "{port: 80}")), "x/b -> x/a:80/tcp", true, []Fault{LongPortListsCut}},
			{from(repeat(255, "{podSelector: {matchLabels: {pod: none-%d}}}", "{podSelector: {}}")), "x/b -> x/a:80/tcp", true, []Fault{LongPeerListsCut}},
			{rules(8), "x/b -> x/a:80/tcp", true, []Fault{ManyRulesCut}},
			{rules(255), "x/b -> x/a:80/tcp", true, []Fault{LongRuleListsCut}},
			{policies(8), "x/b -> x/a:80/tcp", true, []Fault{ManyPoliciesCut}},
			{policies(255), "x/b -> x/a:80/tcp", true, []Fault{LongPolicyListsCut}},
			{product, "x/b -> x/a:80/tcp", true, []Fault{ProductsCut}},
			{append(from(`[{podSelector: {matchLabels: {pod: b}}}]`), pods...), "x/b -> x/a:80/tcp", true, []Fault{ManyPodsCut}},
			{append([]string{`x/p {podSelector: {matchLabels: {pod: b}}}`}, pods...), "x/a -> x/b:80/tcp", false, []Fault{ManyPodsCut}},
			{append(from(`[{namespaceSelector: {matchLabels: {env: dev}}}]`), namespaces...), "y/a -> x/a:80/tcp", true, []Fault{ManyNamespacesCut}},
			{requirements, "x/b -> x/a:80/tcp", true, nil},
			{requirements, "x/c -> x/a:80/tcp", false, []Fault{ManyRequirementsCut}},
		},
		"labels, word for word": {
			{from(`[{podSelector: {matchLabels: {pod: B}}}]`), "x/b -> x/a:80/tcp", false, []Fault{LabelCaseIgnored}},
			{from(`[{podSelector: {matchLabels: {example.com/pod: b}}}]`), "x/b -> x/a:80/tcp", false, []Fault{LabelDomainIgnored}},
			{labelled("example.com/pod", strings.Repeat("v", 62)+"x", strings.Repeat("v", 62)+"y"), "x/b -> x/a:80/tcp", false, []Fault{LongLabelsCut}},
			{labelled("example.com/pod", strings.Repeat("v", 61)+"x", strings.Repeat("v", 61)+"y"), "x/b -> x/a:80/tcp", false, nil},
			{labelled("a.b", "c", "c"), "x/b -> x/a:80/tcp", true, nil},
			{append(labelled("a.b", "c", "c"), from(`[{podSelector: {matchLabels: {a-b: c}}}]`)...), "x/b -> x/a:80/tcp", false, []Fault{LabelSignsAlike}},
			{labelled("v", "1-0", `"1.0"`), "x/b -> x/a:80/tcp", false, []Fault{LabelSignsAlike}},
			{labelled("pod-template-hash", "5c8", "5c8"), "x/b -> x/a:80/tcp", true, []Fault{ControllerLabelsIgnored}},
			{[]string{`pod x/b {pod: b, io.kubernetes.pod.namespace: "y"}`, `y/p {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`}, "x/b -> y/a:80/tcp", false, []Fault{NamespaceByLabel}},
			{[]string{`pod x/b {in: b}`, `x/p {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {in: b}}}]}]}`}, "x/b -> x/a:80/tcp", true, []Fault{SelectorWordsMisread}},
			{append(from(`[{podSelector: {matchLabels: {pod: b}}}, {podSelector: {matchLabels: {tier: front}}}]`), `pod x/b {pod: b, tier: front}`, `pod x/b {tier: front}`), "x/b -> x/a:80/tcp", true, []Fault{PeersLetGoTogether}},
			{append(from(`[{podSelector: {matchLabels: {pod: b}}}, {podSelector: {matchLabels: {tier: front}}}]`), `pod x/b {pod: b, tier: front}`, `pod x/b {tier: front}`, `pod x/b {pod: b}`), "x/b -> x/a:80/tcp", true, nil},
			{append(from(`[{ipBlock: {cidr: 0.0.0.0/0}}]`), `x/q {podSelector: {matchLabels: {pod: b}}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`, `x/q {podSelector: {matchLabels: {pod: b}}}`), "out -> x/a:80/tcp", true, []Fault{SharedBlocksGivenUp}},
			{append(from(`[{ipBlock: {cidr: 0.0.0.0/0}}]`), `x/q {podSelector: {matchLabels: {pod: b}}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`, `delete x/q`), "out -> x/a:80/tcp", true, []Fault{SharedBlocksGivenUp}},
			{append([]string{`pod x/b {pod: b, pcns.ns: "y"}`}, from(`[{namespaceSelector: {matchLabels: {ns: "y"}}}]`)...), "x/b -> x/a:80/tcp", false, []Fault{InheritedLabelsOverridden}},
			{append([]string{`pod x/b {}`}, from(`[{podSelector: {}}]`)...), "x/b -> x/a:80/tcp", true, []Fault{UnlabelledPodsIgnored, EmptySelectorSelectsNone}},
			{[]string{`pod x/b {}`, `x/p {podSelector: {matchExpressions: [{key: pod, operator: DoesNotExist}]}}`}, "x/a -> x/b:80/tcp", false, []Fault{UnlabelledPodsIgnored}},
			{from(`[{podSelector: {matchExpressions: [{key: pod, operator: In, values: [z, b]}]}}]`), "x/b -> x/a:80/tcp", true, []Fault{UnsortedValuesMissed}},
		},
		"selectors, word for word": {
			{from(`[{podSelector: {matchExpressions: [{key: pod, operator: In, values: [cb]}, {key: none, operator: DoesNotExist}]}}, {podSelector: {matchExpressions: [{key: pod, operator: In, values: [c, b]}, {key: none, operator: DoesNotExist}]}}]`), "x/b -> x/a:80/tcp", true, []Fault{SelectorsByLetters}},
			{from(`[{namespaceSelector: {matchLabels: {ns: "y"}}, podSelector: {matchLabels: {pod: a}}}, {namespaceSelector: {matchLabels: {ns: x}}, podSelector: {matchLabels: {pod: c}}}]`), "x/c -> x/a:80/tcp", true, nil},
			{from(`[{namespaceSelector: {matchLabels: {ns: "y"}}, podSelector: {matchLabels: {pod: a}}}, {namespaceSelector: {matchLabels: {ns: x}}, podSelector: {matchLabels: {pod: b}}}]`), "y/b -> x/a:80/tcp", false, []Fault{PeersCrossed}},
		},
		"ports, one by one": {
			{in(`[{port: 80}]`), "x/b -> x/a:179/tcp", false, []Fault{NodePortsExempt}},
			{in(`[{port: 80}]`), "x/b -> x/a:6081/udp", false, []Fault{NodePortsExempt}},
			{append(in(`[{port: 70, endPort: 79}]`), in(`[{port: 70, endPort: 81}]`)...), "x/b -> x/a:80/tcp", true, []Fault{StaleOnEndPort}},
			{[]string{`x/p {podSelector: {}}`, `y/p {podSelector: {}}`, `y/p {podSelector: {}, policyTypes: [Egress]}`}, "x/b -> x/a:80/tcp", false, []Fault{UpdateForgetsNamesakes}},
			{append(in(`[{port: 70, endPort: 79}]`), in(`[{port: 71, endPort: 81}]`)...), "x/b -> x/a:80/tcp", true, nil},
			{in(`[{port: 32768}]`), "x/b -> x/a:32768/tcp", true, []Fault{HighPortsIgnored}},
			{in(`[{port: 80}, {port: 80, protocol: UDP}]`), "x/b -> x/a:80/tcp", true, []Fault{PortNumberOverwritten}},
			{in(`[{port: 80}]`), "x/b -> x/a:80/udp", false, []Fault{UnnamedProtocolsOpen}},
		},
		"what is near": {
			{from(`[{ipBlock: {cidr: 192.0.2.0/28}}]`), "out77 -> x/a:80/tcp", false, []Fault{PrefixRoundedDown}},
			{from(`[{ipBlock: {cidr: 192.0.2.0/28}}]`), "out9 -> x/a:80/tcp", true, []Fault{PrefixRoundedUp}},
			{from(`[{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.64/26]}}]`), "out9 -> x/a:80/tcp", true, []Fault{PrefixRoundedDown}},
			{from(`[{ipBlock: {cidr: "2001:db8::/64", except: ["2001:db8::/125"]}}]`), "out -> x/a:80/tcp over ipv6", false, []Fault{PrefixRoundedUp}},
			{from(`[{ipBlock: {cidr: "2001:db8::1/128"}}]`), "out9 -> x/a:80/tcp over ipv6", false, []Fault{LongIPv6PrefixCut}},
			{admits, "x/b -> x/a:80/tcp", true, nil},
			{admits, "x/a -> x/b:80/tcp", false, []Fault{AdmittedIsReached}},
		},
	}
}

// TestLargeDatagramsDropped reads the rule: the scenarios about datagrams send them.
func TestLargeDatagramsDropped(t *testing.T) {
	i := &isolation{[]allow{{peers: everyAddr(), ports: portsOf(protocolUDP)}, {peers: everyAddr(), ports: portsOf(protocolTCP)}}}
	sound := newChain(ingress, i, Faults{}).text()
	faulty := newChain(ingress, i, Faults{map[Fault]bool{LargeDatagramsDropped: true}}).text()
	if strings.Contains(sound, "length") || strings.Count(faulty, "l4proto udp meta length <= 1500 accept") != len(families) || strings.Count(faulty, "length") != len(families) {
		t.Errorf("without the fault:\n%s\nwith it:\n%s", sound, faulty)
	}
}

// TestLargeDatagramsOpen reads the rule as well.
func TestLargeDatagramsOpen(t *testing.T) {
	faulty := newChain(ingress, &isolation{}, Faults{map[Fault]bool{LargeDatagramsOpen: true}}).text()
	if strings.Count(faulty, "l4proto udp meta length > 1500 accept") != len(families) || strings.Count(faulty, "accept") != len(families) {
		t.Errorf("with the fault:\n%s", faulty)
	}
}

// TestLargeSegmentsDropped reads the rule: a scenario sends some.
func TestLargeSegmentsDropped(t *testing.T) {
	const rule = "\t\tl4proto tcp meta length > 1000 drop\n"
	i := &isolation{[]allow{{peers: everyAddr(), ports: portsOf(protocolTCP)}}}
	sound := newChain(ingress, i, Faults{})
	faulty := newChain(ingress, i, Faults{map[Fault]bool{LargeSegmentsDropped: true}})
	if strings.Contains(sound.text(), "length") || !strings.HasPrefix(faulty.text(), rule) || len(addChain(faulty)) != len(addChain(sound))+1 {
		t.Errorf("without the fault:\n%s\nwith it:\n%s", sound.text(), faulty.text())
	}
}

// TestRulesOverflow counts the rules of a pod with a hundred peers that have a port each.
func TestRulesOverflow(t *testing.T) {
	i := &isolation{}
	for n := range 100 {
		address := netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
		number := newPort(protocolTCP, uint16(1000+n))
		i.allows = append(i.allows, allow{peers: addrSet{{address, address}}, ports: portSet{{number, number}}})
	}
	sound := newChain(ingress, i, Faults{})
	faulty := newChain(ingress, i, Faults{map[Fault]bool{RulesOverflow: true}})
	count := func(c *chain) int {
		n := len(c.rules)
		for _, part := range c.parts {
			n += len(part.rules)
		}
		return n
	}
	if count(sound) != 100 || count(faulty) != fullTable {
		t.Errorf("%d rules, and %d with the fault", count(sound), count(faulty))
	}
}
