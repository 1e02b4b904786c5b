package main

import (
	"fmt"
	"strings"
)

// Lists that are too long for each of their members to be probed. Those that stand first,
// in the middle and last have a pod and a port of their own, which every pod serves; nobody
// has the others' addresses.
const cornerFirst, cornerMiddle, cornerLast = 20000, 20300, 20598

const cornerTopology = " corners"

// cornerLines expect what is open between x/server and the three clients: the port of each
// pair, or every port that is listed.
func cornerLines(d direction, everyPort bool) []string {
	lines := []string{d.isolated("x/server")}
	for _, c := range []struct {
		pod  string
		port int
	}{{"y/first", cornerFirst}, {"y/middle", cornerMiddle}, {"y/last", cornerLast}} {
		from, to := c.pod, "x/server"
		if d.name == "egress" {
			from, to = to, from
		}
		ports := []int{c.port}
		if everyPort {
			ports = []int{cornerFirst, cornerMiddle, cornerLast}
		}
		for _, p := range ports {
			lines = append(lines, fmt.Sprintf("allow: \"%s -> %s:%d/TCP\"", from, to, p))
		}
	}
	return lines
}

// cornerPeers are the peers of so many rules: those of the three clients, and a block each.
func cornerPeers(count int) []string {
	peers := blocksOf(count)
	for i, pod := range map[int]string{0: "first", count / 2: "middle", count - 1: "last"} {
		peers[i] = fmt.Sprintf("{namespaceSelector: {matchLabels: {ns: y}}, podSelector: {matchLabels: {pod: %s}}}", pod)
	}
	return peers
}

// anyRule is a policy with so many rules, each with one port and one peer.
func anyRule(count int) file {
	s := scene{
		topic: "lists", name: fmt.Sprintf("any-of-%d-rules", count),
		from:     "300 rules of one policy, of which the first, the middle and the last are for a pod and a port that are probed",
		summary:  fmt.Sprintf("Of %d rules the first, the middle and the last count, each for its own peer and port, in either direction.", count),
		features: []string{"egress", "ingress", "ip-block", "namespace-selector", "pod-selector"}, refs: []string{refRules},
		topology: cornerTopology,
	}
	for _, d := range directions() {
		var rules []string
		for i, peer := range cornerPeers(count) {
			rules = append(rules, fmt.Sprintf("{%s: [%s], ports: [{port: %d}]}", d.peers, peer, cornerFirst+2*i))
		}
		s.steps = append(s.steps, listStep(d.name, d.kind, list(rules), "{}", expectation(cornerLines(d, false))))
	}
	return s.file()
}

// anyPolicy is so many policies for one pod, each with one port and one peer.
func anyPolicy(count int) file {
	s := scene{
		topic: "lists", name: fmt.Sprintf("any-of-%d-policies", count),
		from:     "300 policies of one pod, of which the first, the middle and the last are for a pod and a port that are probed",
		summary:  fmt.Sprintf("Of %d policies for a pod the first, the middle and the last count, each for its own peer and port.", count),
		features: []string{"ingress", "ip-block", "namespace-selector", "pod-selector"}, refs: []string{refUnion},
		topology: cornerTopology,
	}
	var b strings.Builder
	b.WriteString("  - name: one peer and one port each\n    apply:\n")
	for i, peer := range cornerPeers(count) {
		fmt.Fprintf(&b, "    - {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: one-of-many-%03d, namespace: x}, ", i+1)
		fmt.Fprintf(&b, "spec: {podSelector: {}, ingress: [{from: [%s], ports: [{port: %d}]}]}}\n", peer, cornerFirst+2*i)
	}
	s.steps = []string{b.String() + expectation(cornerLines(directions()[0], false))}
	return s.file()
}

// product is a rule with so many peers and 41 ports: each peer has to be let to each port.
func product(peers int) file {
	var ports []string
	for _, half := range []int{cornerFirst, cornerMiddle} {
		ports = append(ports, fmt.Sprintf("{port: %d}", half))
		for i := range 19 {
			ports = append(ports, fmt.Sprintf("{port: %d}", half+2+14*i))
		}
	}
	ports = append(ports, fmt.Sprintf("{port: %d}", cornerLast))
	s := scene{
		topic: "lists", name: fmt.Sprintf("each-of-%d-peers-on-each-of-%d-ports", peers, len(ports)),
		from:     "a rule with many peers and many ports, of which the first, the middle and the last are probed, each with each",
		summary:  fmt.Sprintf("A rule with %d peers and %d ports lets each of the peers to each of the ports, in either direction.", peers, len(ports)),
		features: []string{"egress", "ingress", "ip-block", "namespace-selector", "pod-selector"}, refs: []string{refRules, refPorts},
		topology: cornerTopology,
	}
	for _, d := range directions() {
		rule := fmt.Sprintf("[{%s: %s, ports: %s}]", d.peers, list(cornerPeers(peers)), list(ports))
		s.steps = append(s.steps, listStep(d.name, d.kind, rule, "{}", expectation(cornerLines(d, true))))
	}
	return s.file()
}

func corners() []file { return []file{anyRule(300), anyPolicy(300), product(63)} }
