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
	Flow    flow.Flow
	From    *Agent
	Kind    probes.Kind
	Address netip.AddrPort
	Query   string // of a DNS probe
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

// Next is asked after every round whether there shall be another one, and after
// which pause. After a pause nothing is expected to change any more, so that a flow
// that has connected is given more time before it counts as closed.
type Next func(*flow.Timeline) (again bool, pause time.Duration)

// Watcher tries a set of flows.
type Watcher struct {
	pace    *pace
	targets []Target
}

// NewWatcher returns a watcher of these targets, whose agents are of this pool.
func (p *Pool) NewWatcher(targets []Target) *Watcher {
	return &Watcher{pace: &p.pace, targets: targets}
}

// Watch probes every target, round after round, until next says that it is enough
// or the context ends. The timeline is complete in both cases; a round that the
// context cut short is left out.
func (w *Watcher) Watch(ctx context.Context, next Next) *flow.Timeline {
	line := &flow.Timeline{Flows: make([]flow.Flow, len(w.targets))}
	for i, t := range w.targets {
		line.Flows[i] = t.Flow
	}
	connected := make([]int, len(w.targets)) // rounds in a row, up to the last one
	steady := false
	for {
		round := w.round(ctx, connected, steady)
		if ctx.Err() != nil {
			return line
		}
		line.Rounds = append(line.Rounds, round)
		again, pause := next(line)
		if !again || !wait(ctx, pause) {
			return line
		}
		count(connected, round.Samples)
		steady = pause > 0
	}
}

func count(connected []int, samples []flow.Sample) {
	for i, s := range samples {
		connected[i]++
		if s.Outcome != flow.Connected {
			connected[i] = 0
		}
	}
}

// wait returns false when the context ended first.
func wait(ctx context.Context, pause time.Duration) bool {
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
