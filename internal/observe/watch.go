package observe

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

// Target is a flow and how to try it.
type Target struct {
	Flow flow.Flow
	// From is nil for a flow that is not there any more: it is not tried, and its samples
	// say nothing.
	From    *Agent
	Kind    probes.Kind
	Address netip.AddrPort
	Query   string // of a DNS probe
	// Keep names the source port that every attempt comes from; "": each from a fresh one.
	// Renew draws another after an attempt that connected.
	Keep  string
	Renew bool
	// Stands says that the connection of that name was opened before.
	Stands bool
	// FromPort is the source port of every attempt; 0: one that is drawn.
	FromPort uint16
	Size     int // how many bytes a UDP probe's datagrams have, or a TCP probe sends; 0: few
	// Name of the destination, to be looked up at Resolver each time; "": Address is dialled.
	Name     string
	Resolver netip.AddrPort
	// Peer is the answer that only the right destination gives.
	Peer string
	// To is the agent of the destination and Port what it has to serve, so that
	// silence can be told from a server that is not there. To is nil for DNS.
	To   *Agent
	Port probes.Port
}

// server names the listening socket, whichever address leads to it.
func (t Target) server() string {
	if t.To == nil {
		return ""
	}
	return fmt.Sprintf("%s %d", t.Peer, t.Port.Number)
}

// Next is asked before every round what it shall be.
type Next func(*flow.Timeline) flow.Look

// Watcher tries a set of flows.
type Watcher struct {
	pace    *pace
	targets []Target
	few     bool // of the targets of another watcher
	grace   time.Duration
	least   time.Duration // that an attempt waits
	// away is why an agent need not be asked how it is; nil: all are asked.
	away func(*Agent) error
}

// NewWatcher returns a watcher of these targets, whose agents are of this pool.
func (p *Pool) NewWatcher(targets []Target) *Watcher {
	return &Watcher{pace: &p.pace, targets: targets, grace: grace}
}

// Watch probes the targets, round after round, until next says that it is enough
// or the context ends. The timeline is complete in both cases; a round that the
// context cut short is left out.
func (w *Watcher) Watch(ctx context.Context, next Next) *flow.Timeline {
	line := &flow.Timeline{Flows: make([]flow.Flow, len(w.targets))}
	for i, t := range w.targets {
		line.Flows[i] = t.Flow
	}
	connected := make([]int, len(w.targets)) // rounds in a row, up to the last one
	for look := next(line); look.Again && Wait(ctx, look.Pause); look = next(line) {
		round := w.look(ctx, look, connected)
		if ctx.Err() != nil {
			return line
		}
		line.Rounds = append(line.Rounds, round)
		count(connected, round)
	}
	return line
}

// look makes one round. In one that leaves targets out, every target is tried once.
func (w *Watcher) look(ctx context.Context, look flow.Look, connected []int) flow.Round {
	if look.Only == nil {
		return w.round(ctx, connected, look)
	}
	few := &Watcher{pace: w.pace, few: true, grace: w.grace}
	for _, i := range look.Only {
		few.targets = append(few.targets, w.targets[i])
	}
	round := few.round(ctx, make([]int, len(few.targets)), flow.Look{Only: look.Only})
	round.Only = look.Only
	return round
}

func count(connected []int, round flow.Round) {
	for i, s := range round.All() {
		connected[i]++
		if s.Outcome != flow.Connected {
			connected[i] = 0
		}
	}
}

// Wait returns false when the context ended before the pause did.
func Wait(ctx context.Context, pause time.Duration) bool {
	if pause <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
