package adopt

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// The names of the steps.
const (
	stepApplied = "the policies in force"
	stepRemoved = "the policies removed"
)

// compute asks the oracle for every verdict, and holds the finished file against it.
func (i *importer) compute() (text []byte, control bool, err error) {
	file := i.options.Name + ".yaml"
	blank, err := scenario.Parse(file, i.write(page{otherwise: line{verdict: flow.Allow}}))
	if err != nil {
		return nil, false, err
	}
	binding := scenario.Symbolic(blank.Topology)
	world, err := oracle.NewPlay(blank).Next(binding, binding)
	if err != nil {
		return nil, false, err
	}
	flows := blank.Flows(scenario.AllAxes())
	p := page{reasons: reasons{world, i.plain(binding)}}
	if p.otherwise, p.lines, err = linesOf(flows, world.Expect); err != nil {
		return nil, false, err
	}
	p.control = !slices.ContainsFunc(flows, func(f flow.Flow) bool { return world.Expect(f) == flow.Deny })
	if p.control {
		i.note("the policies deny no flow that is probed, so a cluster that enforces nothing passes as well: the scenario says `control: true`")
	}
	p.count(flows, world.Expect)
	text = i.write(p)
	s, err := scenario.Parse(file, text)
	if err != nil {
		return nil, false, err
	}
	if wrong := oracle.Check(s, binding, scenario.AllAxes()); len(wrong) > 0 {
		return nil, false, fmt.Errorf("the file contradicts its own policies: %s", wrong[0])
	}
	return text, p.control, nil
}

// plain replaces the addresses that the oracle was given by what they stand for.
func (i *importer) plain(b scenario.Binding) *strings.Replacer {
	var pairs []string
	add := func(text, by string) { pairs = append(pairs, text, by) }
	for _, p := range i.probes {
		for _, a := range b.Addresses[p.Pod] {
			add("addresses in "+hostPrefix(a), "the address of "+p.Pod.String())
			add(a.String(), "its own address")
		}
	}
	for n := range i.hosts {
		for _, a := range b.Addresses[flow.External(n+1)] {
			add("addresses in "+hostPrefix(a), "the address of "+flow.External(n+1).String())
			add(a.String(), "its own address")
		}
	}
	for _, c := range b.PodCIDRs {
		add(c.String(), "the pods' range")
	}
	// Longer addresses first: a shorter one may be their beginning.
	order := make([]int, len(pairs)/2)
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(pairs[2*b]) - len(pairs[2*a]) })
	var list []string
	for _, n := range order {
		list = append(list, pairs[2*n], pairs[2*n+1])
	}
	return strings.NewReplacer(list...)
}

func hostPrefix(a netip.Addr) string { return netip.PrefixFrom(a, a.BitLen()).String() }
