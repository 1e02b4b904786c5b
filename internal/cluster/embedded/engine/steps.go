package engine

import (
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// step is a change of a node's table that must not be torn apart.
type step struct {
	messages int // that it takes
	bytes    int // about as many as it takes
	write    func(w *writer) error
}

// phases is the steps of an update. The steps of a phase must be taken in order, but
// need not be taken at once: each is right by itself. A phase begins when the one
// before has been committed. The kernel needs that between prepare and turn: since
// Linux 6.18 a new interval set matches nothing until some time after the rules of
// its transaction have begun to judge.
type phases struct {
	prepare []step // what nothing leads to yet
	turn    []step
	sweep   []step // what nothing leads to any more
}

func (p *phases) count() int { return len(p.prepare) + len(p.turn) + len(p.sweep) }

// How many bytes the messages about one thing take, rounded up.
const (
	chainBytes   = 128
	ruleBytes    = 640
	elementBytes = 96
)

// writer adds messages to a netlink transaction.
type writer struct {
	conn  *nftables.Conn
	table *nftables.Table
	sets  uint32 // in this transaction so far
}

func (w *writer) chain(name string) *nftables.Chain {
	return &nftables.Chain{Table: w.table, Name: name}
}

func (w *writer) rule(chain string, exprs ...expr.Any) {
	w.conn.AddRule(&nftables.Rule{Table: w.table, Chain: w.chain(chain), Exprs: exprs})
}

// addChain makes a chain of rules. Nothing leads to it yet, so its rules may come
// one by one.
func addChain(c *chain) []step {
	steps := []step{{messages: 1, bytes: chainBytes, write: func(w *writer) error {
		w.conn.AddChain(w.chain(c.name))
		return nil
	}}}
	if c.short {
		long := append(ofProtocol(protocolTCP), length(expr.CmpOpGt, narrowest)...)
		steps = append(steps, addRule(c.name, append(long, &expr.Verdict{Kind: expr.VerdictDrop})...))
	}
	for _, part := range c.parts {
		steps = append(steps, addRule(c.name, &expr.Verdict{Kind: expr.VerdictJump, Chain: part.name}))
	}
	for i := range c.rules {
		r := &c.rules[i]
		size := len(r.peers) + len(r.ports)
		steps = append(steps, step{
			messages: 1 + 2*(2+size/elementsPerMessage),
			bytes:    ruleBytes + size*elementBytes,
			write:    func(w *writer) error { return w.chainRule(c.name, r) },
		})
	}
	switch {
	case c.late:
		steps = append(steps, addRule(c.name, acceptIf(markDenied())...))
	case c.drop:
		steps = append(steps, addRule(c.name, &expr.Verdict{Kind: expr.VerdictDrop}))
	}
	return steps
}

func addRule(chain string, exprs ...expr.Any) step {
	return step{messages: 1, bytes: ruleBytes, write: func(w *writer) error {
		w.rule(chain, exprs...)
		return nil
	}}
}

// pointChain makes a chain, if there is none, and exchanges its rules. What its target
// does not accept is dropped: it is already, but a packet on its way while the kernel
// switches twice may find the target empty.
func pointChain(name, target string) step {
	return step{messages: 4, bytes: chainBytes + 3*ruleBytes, write: func(w *writer) error {
		own := w.conn.AddChain(w.chain(name))
		w.conn.FlushChain(own)
		w.rule(name, &expr.Verdict{Kind: expr.VerdictJump, Chain: target})
		w.rule(name, &expr.Verdict{Kind: expr.VerdictDrop})
		return nil
	}}
}

func deleteChain(name string) step {
	return step{messages: 1, bytes: chainBytes, write: func(w *writer) error {
		w.conn.DelChain(w.chain(name))
		return nil
	}}
}

// elementChange is what leaves and enters the verdict maps, at once: an address
// that goes from one pod to another leaves and enters.
type elementChange struct {
	leave, enter []mapElement
}

type mapElement struct {
	mapName string
	addr    netip.Addr
	verdict *expr.Verdict // nil where it leaves
}

func (c *elementChange) diff(mapName string, old, now map[netip.Addr]string) {
	for a, chain := range old {
		if now[a] != chain {
			c.leave = append(c.leave, mapElement{mapName, a, nil})
		}
	}
	for a, chain := range now {
		if old[a] != chain {
			c.enter = append(c.enter, mapElement{mapName, a, &expr.Verdict{Kind: expr.VerdictJump, Chain: chain}})
		}
	}
}

func (c *elementChange) steps() []step {
	size := len(c.leave) + len(c.enter)
	if size == 0 {
		return nil
	}
	return []step{{messages: 8 + size/elementsPerMessage, bytes: size * elementBytes, write: func(w *writer) error {
		if err := w.mapElements(c.leave, w.conn.SetDeleteElements); err != nil {
			return err
		}
		return w.mapElements(c.enter, w.conn.SetAddElements)
	}}}
}

// mapElements calls do for the elements of one map after the other, a message at a time.
func (w *writer) mapElements(list []mapElement, do func(*nftables.Set, []nftables.SetElement) error) error {
	byMap := map[string][]nftables.SetElement{}
	for _, e := range list {
		byMap[e.mapName] = append(byMap[e.mapName], nftables.SetElement{
			Key: e.addr.AsSlice(), VerdictData: e.verdict,
		})
	}
	for name, elements := range byMap {
		for part := range slices.Chunk(elements, elementsPerMessage) {
			if err := do(&nftables.Set{Table: w.table, Name: name, IsMap: true}, part); err != nil {
				return err
			}
		}
	}
	return nil
}
