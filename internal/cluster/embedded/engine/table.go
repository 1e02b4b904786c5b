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
// A verdict map sends each address of an isolated pod to the pod's own chain, which
// has one rule: go to the chain of rules. When a pod may do something else, that
// rule alone is exchanged. The kernel switches a chain's rules between two packets,
// so there is no instant in which a pod is open or shut by an update.
type table struct {
	name   string
	pods   map[key]*podChains
	chains map[string]*chain
	maps   [len(directions)][len(families)]map[netip.Addr]string // name of the pod's own chain
	count  int                                                   // of pods numbered so far
}

// podChains is a pod's own chains.
type podChains struct {
	number  int
	targets [len(directions)]string // name of the chain of rules, or empty
}

func newTable(name string) *table {
	t := &table{name: name, pods: map[key]*podChains{}, chains: map[string]*chain{}}
	for _, d := range directions {
		for _, f := range families {
			t.maps[d][f] = map[netip.Addr]string{}
		}
	}
	return t
}

func mapName(d direction, f family) string { return d.String() + [...]string{"4", "6"}[f] }

func (c *podChains) chainName(d direction) string { return fmt.Sprintf("pod-%d-%s", c.number, d) }

// update makes the table be what the program wants. It returns the steps that take
// the kernel there. They must be taken in order, but need not be taken at once.
func (t *table) update(want program) []step {
	var steps []step
	order := slices.SortedFunc(maps.Keys(want), key.compare)
	for _, k := range order {
		for _, c := range want[k].chains {
			if c != nil && t.chains[c.name] == nil {
				t.chains[c.name] = c
				steps = append(steps, addChain(c)...)
			}
		}
	}
	for _, k := range order {
		steps = append(steps, t.retarget(k, want[k])...)
	}
	steps = append(steps, t.elements(want)...)
	return append(steps, t.sweep(want)...)
}

// retarget sends a pod's own chains to the chains that now judge it.
func (t *table) retarget(k key, want podProgram) []step {
	own := t.pods[k]
	if own == nil {
		t.count++
		own = &podChains{number: t.count}
		t.pods[k] = own
	}
	var steps []step
	for d, c := range want.chains {
		if c == nil || own.targets[d] == c.name {
			continue
		}
		steps = append(steps, pointChain(own.chainName(direction(d)), c.name))
		own.targets[d] = c.name
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
	used := map[string]bool{}
	for k, own := range t.pods {
		for _, d := range directions {
			if own.targets[d] != "" && want[k].chains[d] == nil {
				steps = append(steps, deleteChain(own.chainName(d)))
				own.targets[d] = ""
			}
			used[own.targets[d]] = true
		}
		if _, wanted := want[k]; !wanted {
			delete(t.pods, k)
		}
	}
	for name := range t.chains {
		if !used[name] {
			steps = append(steps, deleteChain(name))
			delete(t.chains, name)
		}
	}
	return steps
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
	for _, k := range slices.SortedFunc(maps.Keys(t.pods), key.compare) {
		for d, target := range t.pods[k].targets {
			if target != "" {
				fmt.Fprintf(&b, "\tchain %s { # %s\n\t\tgoto %s\n\t}\n", t.pods[k].chainName(direction(d)), k, target)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.chains)) {
		fmt.Fprintf(&b, "\tchain %s {\n%s\t\tdrop\n\t}\n", name, rulesText(t.chains[name].rules))
	}
	return b.String() + "}\n"
}
