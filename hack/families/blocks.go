package main

import "fmt"

// block is an ipBlock and the outside hosts that it admits, over IPv4.
type block struct {
	name, yaml string
	hosts      []string
	blurred    bool
}

// blocks lie within one another, or are equal but for what they leave out.
func blocks() []block {
	return []block{
		{"everything-but-pods", `ipBlock: {cidr: 0.0.0.0/0, except: ["${cluster.podCIDR4}"]}`, []string{"external", "external/2"}, true},
		{"range", `ipBlock: {cidr: "${external.cidr4}"}`, []string{"external", "external/2"}, false},
		{"range-with-a-hole", holePeer().yaml, []string{"external"}, false},
		{"one-host", hostPeer().yaml, []string{"external/2"}, false},
	}
}

func (b block) peers() []peer { return []peer{{b.name, b.yaml, b.hosts, overIPv4, nil, b.blurred}} }

// arrangement puts two blocks into policies; only TCP, of the ports, changes from step to step.
type arrangement struct {
	name, what string
	policies   func(first, second block, tcp ports) []policy
}

func arrangements() []arrangement {
	udp := ports{"80/UDP", "{protocol: UDP, port: 80}", []string{"80/UDP"}, nil}
	return []arrangement{
		{"one-rule", "in one rule", func(first, second block, tcp ports) []policy {
			return []policy{{"blocks", "{}", "x/*", []rule{{append(first.peers(), second.peers()...), tcp}}}}
		}},
		{"two-rules", "in two rules with different ports", func(first, second block, tcp ports) []policy {
			return []policy{{"blocks", "{}", "x/*", []rule{{first.peers(), tcp}, {second.peers(), udp}}}}
		}},
		{"two-policies", "in two policies with different ports", func(first, second block, tcp ports) []policy {
			return []policy{{"first", "{}", "x/*", []rule{{first.peers(), tcp}}}, {"second", "{}", "x/*", []rule{{second.peers(), udp}}}}
		}},
	}
}

// crossedBlocks is each block before each block, equal ones too, in every arrangement.
func crossedBlocks() []file {
	var files []file
	for _, d := range directions() {
		for _, a := range arrangements() {
			for _, first := range blocks() {
				files = append(files, blockScene(d, a, first).file())
			}
		}
	}
	return files
}

func blockScene(d direction, a arrangement, first block) scene {
	s := scene{
		topic: "crossed", name: fmt.Sprintf("blocks-%s-%s-%s-first", d.name, a.name, first.name),
		from:     "two blocks that are equal or lie within one another, in every order, in one rule, in two, or in two policies",
		summary:  fmt.Sprintf("The block %q before each other one, %s of %s, leaves it what it admits.", first.name, a.what, d.name),
		features: []string{d.name, "external-host", "ip-block", "except"}, refs: []string{refBlocks}, topology: " crossed",
	}
	for i, second := range blocks() {
		s.steps = append(s.steps, step(first.name+", then "+second.name, d, a.policies(first, second, byTurns(i))...))
	}
	return s
}

// byTurns is one port or the other, so that steps which admit the same addresses differ:
// in a table that stays as it is nothing shows when a step's policy is in force.
func byTurns(step int) ports { return tcpPort(80 + step%2) }
