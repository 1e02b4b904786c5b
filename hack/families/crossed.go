package main

import "fmt"

// peer is an entry of from or to, and whom it stands for.
type peer struct {
	name     string
	yaml     string
	sides    []string // of flow lines
	over     string   // " over ipv4" where it admits no other family
	features []string
	// blurred is true for a block within which addresses may lie that a Service puts in
	// the place of a pod's: what leads over one is undefined.
	blurred bool
}

// peers are one of each kind. No two stand for the same endpoints.
func peers() []peer {
	return []peer{
		{"pod", "podSelector: {matchLabels: {pod: a}}", []string{"x/a"}, "", []string{"pod-selector"}, false},
		{"namespace", "namespaceSelector: {matchLabels: {ns: y}}", []string{"y/*"}, "", []string{"namespace-selector"}, false},
		{
			"both", "{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]}, podSelector: {matchLabels: {pod: b}}}",
			[]string{"y/b"}, "", []string{"namespace-selector", "pod-selector", "match-expressions"}, false,
		},
		hostPeer(),
		holePeer(),
	}
}

func hostPeer() peer {
	return peer{"host", `ipBlock: {cidr: "${external.2.ip4}/32"}`, []string{"external/2"}, overIPv4, []string{"external-host", "ip-block"}, false}
}

func holePeer() peer {
	return peer{
		"hole", `ipBlock: {cidr: "${external.cidr4}", except: ["${external.2.ip4}/32"]}`, []string{"external"}, overIPv4,
		[]string{"external-host", "ip-block", "except"}, false,
	}
}

const overIPv4 = " over ipv4"

// ports is what stands in `ports`, and the ports that it opens on the pods of the
// topology "crossed".
type ports struct {
	name     string
	yaml     string
	opens    []string
	features []string
}

// portPairs are the ports of two rules. What the one opens the other does not.
func portPairs() [][2]ports {
	number, second := tcpPort(80), tcpPort(81)
	datagram := ports{"80/UDP", "{protocol: UDP, port: 80}", []string{"80/UDP"}, nil}
	protocol := ports{"all of TCP", "{protocol: TCP}", []string{"80/TCP", "81/TCP"}, nil}
	several := ports{"80/TCP and 80/UDP", "{port: 80}, {protocol: UDP, port: 80}", []string{"80/TCP", "80/UDP"}, nil}
	return [][2]ports{{number, second}, {datagram, number}, {protocol, datagram}, {second, several}, {number, datagram}}
}

func tcpPort(number int) ports {
	name := fmt.Sprintf("%d/TCP", number)
	return ports{name, fmt.Sprintf("{port: %d}", number), []string{name}, nil}
}

// crossedRules is each kind of peer in a rule before each kind of peer in another,
// with different ports.
func crossedRules() []file {
	var files []file
	for _, d := range directions() {
		for i, first := range peers() {
			s := scene{
				topic: "crossed", name: fmt.Sprintf("rules-%s-%s-first", d.name, first.name),
				from:     "two rules of one policy, each kind of peer before each other, with different ports",
				summary:  fmt.Sprintf("A rule of %s for a peer of the kind %q and a rule for each other kind keep their ports to themselves.", d.name, first.name),
				features: []string{d.name}, refs: []string{refRules}, topology: " crossed",
			}
			for j, second := range peers() {
				pair := portPairs()[(i+j)%len(portPairs())]
				rules := []rule{{[]peer{first}, pair[0]}, {[]peer{second}, pair[1]}}
				title := fmt.Sprintf("%s on %s, %s on %s", first.name, pair[0].name, second.name, pair[1].name)
				s.steps = append(s.steps, step(title, d, policy{"crossed", "{}", "x/*", rules}))
				s.uses(first, second)
			}
			files = append(files, s.file())
		}
	}
	return files
}

// crossedPolicies is each two kinds of peers, the one in a policy for all pods and the
// other in a policy for some of them.
func crossedPolicies() []file {
	var files []file
	for _, d := range directions() {
		for i, first := range peers() {
			s := scene{
				topic: "crossed", name: fmt.Sprintf("policies-%s-%s-first", d.name, first.name),
				from:     "two policies, one for all pods and one for some, each kind of peer beside each other",
				summary:  fmt.Sprintf("A policy of %s for a peer of the kind %q and one for each other kind, which selects fewer pods, add up on these.", d.name, first.name),
				features: []string{d.name}, refs: []string{refUnion, refRules}, topology: " crossed",
			}
			for j, second := range peers() {
				if i == j {
					continue
				}
				pair := portPairs()[(i+2*j)%len(portPairs())]
				title := fmt.Sprintf("%s on %s, and for b %s on %s", first.name, pair[0].name, second.name, pair[1].name)
				s.steps = append(s.steps, step(title, d,
					policy{"all", "{}", "x/*", []rule{{[]peer{first}, pair[0]}}},
					policy{"some", "{matchLabels: {pod: b}}", "x/b", []rule{{[]peer{second}, pair[1]}}}))
				s.uses(first, second)
			}
			files = append(files, s.file())
		}
	}
	return files
}

// uses declares the features of peers.
func (s *scene) uses(list ...peer) {
	for _, p := range list {
		s.features = unique(append(s.features, p.features...))
	}
}
