package engine

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// node is one node's data path.
type node struct {
	name   string
	faults Faults
	kernel *kernel

	mu    sync.Mutex
	table *table // nil: not known, the whole table is to be made anew
}

// enforce makes the node enforce the program. It returns how many steps that took.
// When the kernel refuses a change, the whole table is made anew.
func (n *node) enforce(want program) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.table == nil {
		return n.rebuild(want)
	}
	p := n.table.update(want)
	err := n.kernel.update(n.table.name, p)
	if err == nil {
		return p.count(), nil
	}
	count, again := n.rebuild(want)
	if again != nil {
		return 0, fmt.Errorf("programming node %q: %w", n.name, errors.Join(err, again))
	}
	return count, nil
}

// rebuild makes a new table while the old ones go on judging.
func (n *node) rebuild(want program) (int, error) {
	n.table = nil
	if err := n.kernel.redial(); err != nil {
		return 0, err
	}
	old, err := n.kernel.tables()
	if err != nil {
		return 0, err
	}
	t := newTable(nextTable(old))
	p := t.update(want)
	p.prepare = append([]step{addTable()}, p.prepare...)
	p.turn = append(p.turn, judge(n.faults))
	p.sweep = append(p.sweep, deleteTables(old))
	if err := n.kernel.update(t.name, p); err != nil {
		return 0, fmt.Errorf("making a new table on node %q: %w", n.name, err)
	}
	n.table = t
	return p.count(), nil
}

// nextTable is a name that none of the tables has.
func nextTable(old []string) string {
	highest := 0
	for _, name := range old {
		if number, err := strconv.Atoi(strings.TrimPrefix(name, tablePrefix)); err == nil {
			highest = max(highest, number)
		}
	}
	return tablePrefix + strconv.Itoa(highest+1)
}

// forget makes the next enforce rebuild the table.
func (n *node) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.table = nil
}

// turn stops judging, or starts again.
func (n *node) turn(to door) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.table == nil {
		return nil
	}
	return n.kernel.take(n.table.name, []step{turn(n.faults, to)})
}

// String is the node's table as it was last programmed.
func (n *node) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.table == nil {
		return "no table\n"
	}
	return n.table.String()
}

// programs is what each node has to enforce.
func programs(m model, faults Faults) map[string]program {
	out := map[string]program{}
	var chains [len(directions)]map[*isolation]*chain
	for _, d := range directions {
		chains[d] = map[*isolation]*chain{}
	}
	for k, pm := range m {
		if out[pm.pod.node] == nil {
			out[pm.pod.node] = program{}
		}
		entry := podProgram{pod: pm.pod}
		for d, i := range pm.says {
			if i != nil && chains[d][i] == nil {
				chains[d][i] = newChain(direction(d), i, faults)
			}
			entry.chains[d] = chains[d][i]
		}
		out[pm.pod.node][k] = entry
	}
	return out
}
