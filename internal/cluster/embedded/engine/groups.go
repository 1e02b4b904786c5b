package engine

import (
	"fmt"
	"maps"
	"slices"
)

// groups are the groups of one direction.
type groups struct {
	direction direction
	list      []*group
	count     int // of groups made so far
}

// group is pods of a node that may do the same, and have done so since it was made.
type group struct {
	name   string // of its chain
	target string // name of the chain of rules
}

// regroup makes every pod's group lead to the chain that the pod wants. A group goes
// where most of its pods go; the others part from it first. They join a group that
// stays where it is, or a new one, so that every step by itself is right.
func (t *table) regroup(d direction, want program) []step {
	gs := &t.groups[d]
	next := gs.next(t.pods, want)
	staying := map[string]*group{}
	for _, g := range gs.list {
		if next[g] == g.target {
			staying[g.target] = g
		}
	}
	var made, parting, turning []step
	for _, k := range slices.SortedFunc(maps.Keys(want), key.compare) {
		c, entry := want[k].chains[d], t.pods[k]
		if c == nil || entry.groups[d] != nil && next[entry.groups[d]] == c.name {
			continue
		}
		if staying[c.name] == nil {
			staying[c.name] = gs.add(c.name)
			made = append(made, pointChain(staying[c.name].name, c.name))
		}
		entry.groups[d] = staying[c.name]
		parting = append(parting, pointChain(entry.chainName(d), entry.groups[d].name))
	}
	for g, target := range next {
		if g.target != target {
			g.target = target
			turning = append(turning, pointChain(g.name, target))
		}
	}
	return slices.Concat(made, parting, turning)
}

// next is where each group goes that has pods left.
func (gs *groups) next(pods map[key]*podEntry, want program) map[*group]string {
	votes := map[*group]map[string]int{}
	for k, entry := range pods {
		g, c := entry.groups[gs.direction], want[k].chains[gs.direction]
		if g == nil || c == nil {
			continue
		}
		if votes[g] == nil {
			votes[g] = map[string]int{}
		}
		votes[g][c.name]++
	}
	next := map[*group]string{}
	for g, count := range votes {
		for _, name := range slices.Sorted(maps.Keys(count)) {
			if next[g] == "" || count[name] > count[next[g]] {
				next[g] = name
			}
		}
	}
	return next
}

func (gs *groups) add(target string) *group {
	gs.count++
	g := &group{name: fmt.Sprintf("group-%d-%s", gs.count, gs.direction), target: target}
	gs.list = append(gs.list, g)
	return g
}

// sweep deletes the groups that have no pods.
func (gs *groups) sweep(pods map[key]*podEntry) []step {
	used := map[*group]bool{}
	for _, entry := range pods {
		used[entry.groups[gs.direction]] = true
	}
	var steps []step
	gs.list = slices.DeleteFunc(gs.list, func(g *group) bool {
		if !used[g] {
			steps = append(steps, deleteChain(g.name))
		}
		return !used[g]
	})
	return steps
}
