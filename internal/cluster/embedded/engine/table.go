package engine

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// program is what a node has to enforce: for each isolated pod of the node the
// chain that judges each direction, nil where it is not isolated.
type program map[key]podProgram

type podProgram struct {
	pod    *pod
	chains [len(directions)]*chain
}

// table is what the engine has put into a node's kernel.
//
// A verdict map sends each address of an isolated pod to the pod's own chain, that
// to the chain of a group of pods, and that to a chain of rules. When pods may do
// something else, the rules of their group's chain alone are exchanged; when a pod
// parts from its group, those of the pod's. The kernel switches a chain's rules
// between two packets, so there is no instant in which a pod is open or shut by an
// update.
type table struct {
	name   string
	pods   map[key]*podEntry
	groups [len(directions)]groups
	chains map[string]*chain
	maps   [len(directions)][len(families)]map[netip.Addr]string // name of the pod's own chain
	count  int                                                   // of pods numbered so far
}

// podEntry is a pod's own chains: its number, and where each direction leads.
type podEntry struct {
	number int
	groups [len(directions)]*group
}

func newTable(name string) *table {
	t := &table{name: name, pods: map[key]*podEntry{}, chains: map[string]*chain{}}
	for _, d := range directions {
		t.groups[d].direction = d
		for _, f := range families {
			t.maps[d][f] = map[netip.Addr]string{}
		}
	}
	return t
}

func mapName(d direction, f family) string { return d.String() + [...]string{"4", "6"}[f] }

func (p *podEntry) chainName(d direction) string { return fmt.Sprintf("pod-%d-%s", p.number, d) }

// update makes the table be what the program wants, and returns what takes the
// kernel there.
func (t *table) update(want program) phases {
	t.number(want)
	p := phases{prepare: t.newChains(want)}
	for _, d := range directions {
		p.turn = append(p.turn, t.regroup(d, want)...)
	}
	p.turn = append(p.turn, t.elements(want)...)
	p.sweep = t.sweep(want)
	return p
}

// number numbers the pods that are new.
func (t *table) number(want program) {
	for _, k := range slices.SortedFunc(maps.Keys(want), key.compare) {
		if t.pods[k] == nil {
			t.count++
			t.pods[k] = &podEntry{number: t.count}
		}
	}
}

// newChains makes the chains of rules that are new. Nothing leads to them yet.
func (t *table) newChains(want program) []step {
	var steps []step
	add := func(c *chain) {
		if t.chains[c.name] == nil {
			t.chains[c.name] = c
			steps = append(steps, addChain(c)...)
		}
	}
	for _, p := range want {
		for _, c := range p.chains {
			if c != nil && t.chains[c.name] == nil {
				for _, part := range c.parts {
					add(part)
				}
				add(c)
			}
		}
	}
	return steps
}

// elements makes the verdict maps hold the addresses of the isolated pods.
func (t *table) elements(want program) []step {
	var change elementChange
	for _, d := range directions {
		for _, f := range families {
			now := t.wantedElements(want, d, f)
			change.diff(mapName(d, f), t.maps[d][f], now)
			t.maps[d][f] = now
		}
	}
	return change.steps()
}

func (t *table) wantedElements(want program, d direction, f family) map[netip.Addr]string {
	out := map[netip.Addr]string{}
	for _, leaving := range []bool{true, false} { // an address that has a new pod is the new pod's
		for k, p := range want {
			if p.chains[d] == nil || p.pod.leaving != leaving {
				continue
			}
			for _, a := range p.pod.addrs {
				if familyOf(a) == f {
					out[a] = t.pods[k].chainName(d)
				}
			}
		}
	}
	return out
}

// sweep deletes the chains that nothing leads to any more.
func (t *table) sweep(want program) []step {
	var steps []step
	for k, entry := range t.pods {
		for _, d := range directions {
			if entry.groups[d] != nil && want[k].chains[d] == nil {
				entry.groups[d] = nil
				steps = append(steps, deleteChain(entry.chainName(d)))
			}
		}
		if _, wanted := want[k]; !wanted {
			delete(t.pods, k)
		}
	}
	for _, d := range directions {
		steps = append(steps, t.groups[d].sweep(t.pods)...)
	}
	return append(steps, t.sweepRules()...)
}

// sweepRules deletes chains of rules, those that lead to others first.
func (t *table) sweepRules() []step {
	used := map[string]bool{}
	for _, d := range directions {
		for _, g := range t.groups[d].list {
			used[g.target] = true
			for _, part := range t.chains[g.target].parts {
				used[part.name] = true
			}
		}
	}
	var wholes, parts []step
	for name, c := range t.chains {
		switch {
		case used[name]:
			continue
		case c.drop:
			wholes = append(wholes, deleteChain(name))
		default:
			parts = append(parts, deleteChain(name))
		}
		delete(t.chains, name)
	}
	return append(wholes, parts...)
}

// String is the table in the words of nft, without its base chains.
func (t *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table inet %s {\n", t.name)
	for _, d := range directions {
		for _, f := range families {
			fmt.Fprintf(&b, "\tmap %s {\n", mapName(d, f))
			for _, a := range slices.SortedFunc(maps.Keys(t.maps[d][f]), netip.Addr.Compare) {
				fmt.Fprintf(&b, "\t\t%s : jump %s\n", a, t.maps[d][f][a])
			}
			b.WriteString("\t}\n")
		}
	}
	for _, d := range directions {
		for _, k := range slices.SortedFunc(maps.Keys(t.pods), key.compare) {
			if g := t.pods[k].groups[d]; g != nil {
				fmt.Fprintf(&b, "\tchain %s { # %s\n\t\tjump %s\n\t\tdrop\n\t}\n", t.pods[k].chainName(d), k, g.name)
			}
		}
		for _, g := range t.groups[d].list {
			fmt.Fprintf(&b, "\tchain %s {\n\t\tjump %s\n\t\tdrop\n\t}\n", g.name, g.target)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.chains)) {
		fmt.Fprintf(&b, "\tchain %s {\n%s\t}\n", name, t.chains[name].text())
	}
	return b.String() + "}\n"
}
