package observe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

// health is what an agent said of itself on its control stream.
type health struct {
	pong probes.Pong
	lag  time.Duration // how long it took to say so
	err  error
}

// doubt turns the outcome of a closed-looking flow into Failed where silence
// proves nothing: an agent at either end does not answer on its control stream,
// the server does not listen, or an agent answers so late that the flow's own
// answer may have been late as well. It returns how late the agents were.
func (w *Watcher) doubt(ctx context.Context, samples []flow.Sample, granted []time.Duration) []time.Duration {
	health := w.checkup(ctx, samples)
	for i, t := range w.targets {
		if !samples[i].Outcome.Blocked() {
			continue
		}
		if reason := suspect(t, health, granted[i]); reason != "" {
			samples[i].Outcome, samples[i].Detail = flow.Failed, reason
		}
	}
	var lags []time.Duration
	for _, h := range health {
		if h.err == nil {
			lags = append(lags, h.lag)
		}
	}
	return lags
}

// checkup pings every agent at an end of a closed-looking flow.
func (w *Watcher) checkup(ctx context.Context, samples []flow.Sample) map[*Agent]health {
	found := map[*Agent]health{}
	for i, t := range w.targets {
		if !samples[i].Outcome.Blocked() {
			continue
		}
		found[t.From] = health{}
		if t.To != nil {
			found[t.To] = health{}
		}
	}
	agents := make([]*Agent, 0, len(found))
	for a := range found {
		agents = append(agents, a)
	}
	states := make([]health, len(agents))
	var group sync.WaitGroup
	for i, a := range agents {
		group.Go(func() { states[i] = a.check(ctx) })
	}
	group.Wait()
	for i, a := range agents {
		found[a] = states[i]
	}
	return found
}

func (a *Agent) check(ctx context.Context) health {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	begin := time.Now()
	pong, err := a.ping(ctx)
	return health{pong: pong, lag: time.Since(begin), err: err}
}

// suspect says why the flow's silence proves nothing, or "".
func suspect(t Target, agents map[*Agent]health, granted time.Duration) string {
	if reason := agents[t.From].late(granted); reason != "" {
		return "could not tell: source: " + reason
	}
	if t.To == nil {
		return ""
	}
	server := agents[t.To]
	if reason := server.late(granted); reason != "" {
		return "could not tell: destination: " + reason
	}
	if server.pong.Identity != t.Peer {
		return fmt.Sprintf("could not tell: the destination is %q, not %q", server.pong.Identity, t.Peer)
	}
	if !slices.Contains(server.pong.Serving, t.Port) {
		return fmt.Sprintf("could not tell: nothing listens on %s port %d at the destination", t.Port.Kind, t.Port.Number)
	}
	return ""
}

func (h health) late(granted time.Duration) string {
	switch {
	case h.err != nil:
		return h.err.Error()
	case h.lag > granted/2:
		return fmt.Sprintf("the agent took %s to answer its control stream where the probe waited %s",
			h.lag.Round(time.Millisecond), granted.Round(time.Millisecond))
	}
	return ""
}
