package main

import (
	"fmt"
	"strings"
)

// everyRule is a policy with so many rules, each with one port that the server serves.
func everyRule(count int) file {
	listed, between := portsFrom(20000, count)
	s := scene{
		topic: "lists", name: fmt.Sprintf("each-of-%d-rules", count),
		from:     "70 rules of one policy, each with one port and an address of its own, and each port probed",
		summary:  fmt.Sprintf("Each of %d rules counts, the first and the last, in either direction.", count),
		features: []string{"egress", "ingress", "ip-block", "pod-selector"}, refs: []string{refRules},
		topology: portTopology(append(listed, between...), true),
	}
	rules := func(side string) string {
		var all []string
		for i, p := range listed {
			all = append(all, fmt.Sprintf("{%s: %s, ports: [{port: %d}]}", side, peersOfOne(i), p))
		}
		return list(all)
	}
	s.steps = []string{
		listStep("ingress", "Ingress", rules("from"), "{matchLabels: {app: server}}", shutPorts(between)),
		listStep("egress", "Egress", rules("to"), "{matchLabels: {app: client}}", shutPorts(between)),
	}
	return s.file()
}

// everyPolicy is so many policies, each with one port that the server serves.
func everyPolicy(count int) file {
	listed, between := portsFrom(20000, count)
	s := scene{
		topic: "lists", name: fmt.Sprintf("each-of-%d-policies", count),
		from:     "70 policies for one pod, each with one port and an address of its own, and each port probed",
		summary:  fmt.Sprintf("Of %d policies that select a pod each adds what it allows.", count),
		features: []string{"ingress", "ip-block", "pod-selector"}, refs: []string{refUnion},
		topology: portTopology(append(listed, between...), true),
	}
	var b strings.Builder
	b.WriteString("  - name: one port each\n    apply:\n")
	for i, p := range listed {
		fmt.Fprintf(&b, "    - {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: one-of-many-%d, namespace: x}, ", i+1)
		fmt.Fprintf(&b, "spec: {podSelector: {matchLabels: {app: server}}, ingress: [{from: %s, ports: [{port: %d}]}]}}\n", peersOfOne(i), p)
	}
	s.steps = []string{b.String() + shutPorts(between)}
	return s.file()
}

// peersOfOne are the pods, and an address of nobody that no other rule names: rules with
// the same peers an implementation may join into one.
func peersOfOne(i int) string {
	return fmt.Sprintf("[{podSelector: {}}, {ipBlock: {cidr: 203.0.113.%d/32}}]", i+1)
}

// shutPorts expects that the server is open but for these ports.
func shutPorts(numbers []int) string {
	var lines []string
	for _, p := range numbers {
		lines = append(lines, fmt.Sprintf("deny: \"* -> x/server:%d/TCP\"", p))
	}
	return expectation(lines)
}
