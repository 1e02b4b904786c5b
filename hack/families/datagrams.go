package main

import "fmt"

// datagrams is one scenario for each size of datagrams: one that just fits into a
// frame of Ethernet, one that is a little too long once it is wrapped for another node,
// one that is a little too long anyhow, and two that take several fragments.
func datagrams() []file {
	var files []file
	for _, size := range []int{1400, 1472, 1500, 4000, 9000} {
		s := scene{
			topic: "datagrams", name: fmt.Sprintf("datagrams-of-%d-bytes", size),
			from:     "UDP datagrams around the size of a frame and above, to a port that a rule opens and to one beside it",
			summary:  fmt.Sprintf("A rule for a UDP port admits datagrams of %d bytes, whole, and those to no other port, in either direction.", size),
			features: []string{"egress", "ingress", "pod-selector", "namespace-selector"}, refs: []string{refPorts, refFragments},
			topology: datagramTopology(size),
		}
		port := ports{"80/UDP", "{protocol: UDP, port: 80}", []string{"80/UDP"}, nil}
		for _, d := range directions() {
			pods := peer{"pods", "{namespaceSelector: {}, podSelector: {matchLabels: {pod: a}}}", []string{"*/a"}, "", nil, false}
			s.steps = append(s.steps, step(d.name+" of a alone", d, policy{"udp", "{}", "x/*", []rule{{[]peer{pods}, port}}}))
		}
		files = append(files, s.file())
	}
	return files
}

const refFragments = "https://docs.cilium.io/en/stable/network/concepts/fragmentation/"

func datagramTopology(size int) string {
	return fmt.Sprintf(`
    namespaces:
      x: {labels: {ns: x}}
      y: {labels: {ns: y}}
    pods:
      x/a: {labels: {pod: a}, node: 1, ports: [80/UDP, 81/UDP]}
      x/b: {labels: {pod: b}, node: 2, ports: [80/UDP, 81/UDP]}
      y/a: {labels: {pod: a}, node: 2}
      y/b: {labels: {pod: b}, node: 1}
    datagram: %d`, size)
}
