//go:build linux

package probes

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

const (
	// DialTimeout is how long one attempt of a Dial lasts at the most.
	DialTimeout = 100 * time.Millisecond
	// leastEvery is the least time between two attempts on one target.
	leastEvery = time.Millisecond
	// enough is how often a target may connect, and mostTries how often it is tried.
	enough    = 50
	mostTries = 10_000
	// mostStretches is how many are told of one target; what follows is left out.
	mostStretches = 64
)

// diallings are what an agent dials by itself, by name.
type diallings struct {
	mu   sync.Mutex
	list map[string]*dialling
}

// dialling tries targets over and over.
type dialling struct {
	agent   *Agent
	begin   time.Time
	every   time.Duration
	targets []*dialled
	stop    func()
	stopped chan struct{}
}

// dialled is one target and what became of it.
type dialled struct {
	probe Probe

	mu        sync.Mutex
	tries     []try
	connected int
}

// try is one attempt that has ended.
type try struct {
	at, took time.Duration // since the dialling began
	outcome  flow.Outcome
	peer     string
	detail   string
}

// Dial begins to try the targets. Another Dial of that name ends.
func (a *Agent) Dial(d Dial) error {
	if d.Every < leastEvery {
		return fmt.Errorf("dialling every %s: at least %s must lie between two attempts", d.Every, leastEvery)
	}
	n := &dialling{agent: a, begin: time.Now(), every: d.Every, stopped: make(chan struct{})}
	n.stop = sync.OnceFunc(func() { close(n.stopped) })
	for _, p := range d.Targets {
		p.Timeouts = []time.Duration{DialTimeout}
		if _, _, err := a.prepare(&p); err != nil {
			return err
		}
		n.targets = append(n.targets, &dialled{probe: p})
	}
	a.diallings.mu.Lock()
	defer a.diallings.mu.Unlock()
	if before := a.diallings.list[d.Name]; before != nil {
		before.stop()
	}
	a.diallings.list[d.Name] = n
	for _, t := range n.targets {
		go n.run(t)
	}
	return nil
}

// Dialled is what became of a Dial so far.
func (a *Agent) Dialled(d Dialled) (*DialRecord, error) {
	a.diallings.mu.Lock()
	n := a.diallings.list[d.Name]
	if d.Stop {
		delete(a.diallings.list, d.Name)
	}
	a.diallings.mu.Unlock()
	if n == nil {
		return nil, fmt.Errorf("nothing is dialled under the name %q", d.Name)
	}
	if d.Stop {
		n.stop()
	}
	record := &DialRecord{Age: time.Since(n.begin)}
	for _, t := range n.targets {
		record.Targets = append(record.Targets, t.stretches())
	}
	return record, nil
}

// run begins an attempt at every tick, whether those before have ended or not. Where
// the agent has too much to do it leaves one out.
func (n *dialling) run(t *dialled) {
	tick := time.NewTicker(n.every)
	defer tick.Stop()
	for range mostTries {
		select {
		case n.agent.slots <- struct{}{}:
			go func() {
				defer func() { <-n.agent.slots }()
				t.add(n.attempt(&t.probe))
			}()
		default:
		}
		select {
		case <-tick.C:
		case <-n.stopped:
			return
		}
		if t.known() {
			return
		}
	}
}

func (n *dialling) attempt(p *Probe) try {
	proto, a, err := n.agent.prepare(p)
	begin := time.Now()
	done := try{at: begin.Sub(n.begin), outcome: flow.Connected}
	if err == nil {
		a.begin, a.timeout = begin, DialTimeout
		done.peer, err = n.agent.attempt(proto, p, a)
	}
	done.took = time.Since(begin)
	if err != nil {
		done.outcome, done.detail = outcomeOf(err), err.Error()
	}
	return done
}

func (t *dialled) add(done try) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tries = append(t.tries, done)
	if done.outcome == flow.Connected {
		t.connected++
	}
}

// known reports whether the target has connected often enough.
func (t *dialled) known() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.connected >= enough
}

// stretches joins attempts in a row that ended alike.
func (t *dialled) stretches() []Stretch {
	t.mu.Lock()
	tries := slices.Clone(t.tries)
	t.mu.Unlock()
	slices.SortFunc(tries, func(a, b try) int { return int(a.at - b.at) })
	list := []Stretch{}
	for _, one := range tries {
		if last := len(list) - 1; last >= 0 && list[last].Outcome == one.outcome && list[last].Peer == one.peer {
			list[last].Count++
			list[last].Last = one.at
			continue
		}
		if len(list) == mostStretches {
			break
		}
		list = append(list, Stretch{Outcome: one.outcome, Peer: one.peer, Count: 1, First: one.at, Last: one.at, Took: one.took, Detail: one.detail})
	}
	return list
}
