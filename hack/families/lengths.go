package main

import (
	"fmt"
)

// lengths are the lengths of blocks of a family that do not end with a byte.
type lengths struct {
	family string // 4 or 6
	around int    // a block of this length has no pod in it
	beside []int  // those of the blocks beside the host
	own    []int  // those of blocks that hold it, tried one by one
}

func families() []lengths {
	return []lengths{
		{"4", 16, []int{17, 18, 19, 20, 21, 22, 23, 25, 26, 27, 28, 29, 30, 31}, []int{17, 25, 28}},
		{"6", 64, []int{65, 68, 76, 83, 92, 100, 103, 108, 115, 121, 122, 124, 126, 127}, []int{65, 121, 124}},
	}
}

func (l lengths) block(length int) string {
	return fmt.Sprintf(`"${external.block%s/%d}"`, l.family, length)
}

// neighbours are the blocks that differ from one that holds the host in the last bit. A
// block whose length is taken for a shorter one holds it.
func (l lengths) neighbours() []string {
	var list []string
	for _, n := range l.beside {
		list = append(list, fmt.Sprintf(`"${external.beside%s/%d}"`, l.family, n))
	}
	return list
}

// oddLengths is, for each family and direction, blocks and exceptions whose lengths are
// no whole bytes, around a host outside and beside it.
func oddLengths() []file {
	var files []file
	for _, l := range families() {
		for _, d := range directions() {
			files = append(files, l.scene(d).file())
		}
	}
	return files
}

func (l lengths) scene(d direction) scene {
	s := scene{
		topic: "ip-block", name: fmt.Sprintf("lengths-between-bytes-ipv%s-%s", l.family, d.name),
		from:     "blocks and exceptions whose lengths are no whole bytes, each around a host outside or beside it",
		summary:  fmt.Sprintf("An IPv%s block, or an exception, whose length is not a whole number of bytes ends where it says, in %s.", l.family, d.name),
		features: []string{d.name, "except", "external-host", "ip-block", "namespace-selector"}, refs: []string{refBlocks}, topology: lengthTopology,
	}
	if l.family == "6" {
		s.features = append(s.features, "ipv6")
	}
	host := []string{"external"}
	var beside []string
	for _, n := range l.neighbours() {
		beside = append(beside, fmt.Sprintf("{cidr: %s}", n))
	}
	next := func(name string, hosts []string, blocks ...string) {
		s.steps = append(s.steps, l.step(name, d, byTurns(len(s.steps)), hosts, blocks...))
	}
	next("beside the host, at every length", nil, beside...)
	for _, n := range l.own {
		next(fmt.Sprintf("around the host, /%d", n), host, fmt.Sprintf("{cidr: %s}", l.block(n)))
	}
	within := fmt.Sprintf("{cidr: %s, except: %s}", l.block(l.around), list(l.neighbours()))
	without := fmt.Sprintf("{cidr: %s, except: [%s]}", l.block(l.around), l.block(l.own[2]))
	next("exceptions beside the host", host, within)
	next("an exception around the host", nil, without)
	return s
}

// step admits the blocks, and namespace y, on one port.
func (l lengths) step(name string, d direction, port ports, sides []string, blocks ...string) string {
	pods := peer{"y", "namespaceSelector: {matchLabels: {ns: y}}", []string{"y/*"}, "", nil, false}
	list := []peer{pods}
	for _, b := range blocks {
		list = append(list, peer{"block", "ipBlock: " + b, sides, " over ipv" + l.family, nil, false})
	}
	return step(name, d, policy{"lengths", "{}", "x/*", []rule{{list, port}}})
}

// No Services: whether a block holds the address of one depends on the cluster.
const lengthTopology = `
    namespaces:
      x: {labels: {ns: x}}
      y: {labels: {ns: y}}
    pods:
      x/a: {labels: {pod: a}, node: 1, ports: [80/TCP, 81/TCP]}
      x/b: {labels: {pod: b}, node: 2, ports: [80/TCP, 81/TCP]}
      y/a: {labels: {pod: a}, node: 2, ports: [80/TCP, 81/TCP]}
    external: {hosts: 1, ports: [80/TCP, 81/TCP]}
    direct: true`
