package observe

import (
	"cmp"
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
// the server does not listen, or answers come so late, an agent's or those of other
// flows of the round, that the flow's own answer may have been late as well.
func (w *Watcher) doubt(ctx context.Context, samples []flow.Sample, timeouts [][]time.Duration, during map[*Agent]health) {
	after := w.checkup(ctx, w.silent(samples))
	others := slow(waits(samples, timeouts))
	for i, t := range w.targets {
		if !samples[i].Outcome.Blocked() {
			continue
		}
		granted := total(timeouts[i])
		if reason := cmp.Or(suspect(t, after, granted), suspect(t, during, granted), crowded(samples[i], others, granted)); reason != "" {
			samples[i].Outcome, samples[i].Detail = flow.Failed, reason
		}
	}
}

// waits is how long the flows that connected took, attempts that failed included.
func waits(samples []flow.Sample, timeouts [][]time.Duration) []time.Duration {
	var list []time.Duration
	for i, s := range samples {
		if s.Outcome == flow.Connected {
			list = append(list, total(timeouts[i][:min(s.Attempts, len(timeouts[i]))-1])+s.Took)
		}
	}
	return list
}

// crowded says why silence proves nothing where other flows of the round took
// nearly as long, or "". A refusal is an answer, and is never late.
func crowded(s flow.Sample, others, granted time.Duration) string {
	if s.Outcome != flow.TimedOut || others <= granted/2 {
		return ""
	}
	return fmt.Sprintf("could not tell: other flows took %s to connect where the probe waited %s",
		others.Round(time.Millisecond), granted.Round(time.Millisecond))
}

// ends are the agents at either end of the targets that a test selects.
func (w *Watcher) ends(selected func(int) bool) map[*Agent]bool {
	found := map[*Agent]bool{}
	for i, t := range w.targets {
		if !selected(i) || t.From == nil {
			continue
		}
		found[t.From] = true
		if t.To != nil {
			found[t.To] = true
		}
	}
	return found
}

func (w *Watcher) everyone() map[*Agent]bool { return w.ends(func(int) bool { return true }) }

func (w *Watcher) silent(samples []flow.Sample) map[*Agent]bool {
	return w.ends(func(i int) bool { return samples[i].Outcome.Blocked() })
}

// checkup pings agents, all at the same time.
func (w *Watcher) checkup(ctx context.Context, agents map[*Agent]bool) map[*Agent]health {
	found := make(map[*Agent]health, len(agents))
	var mu sync.Mutex
	var group sync.WaitGroup
	for a := range agents {
		group.Go(func() {
			h := w.check(ctx, a)
			mu.Lock()
			defer mu.Unlock()
			found[a] = h
		})
	}
	group.Wait()
	return found
}

// lags is how late the agents were that answered at all.
func lags(agents map[*Agent]health) []time.Duration {
	var list []time.Duration
	for _, h := range agents {
		if h.err == nil {
			list = append(list, h.lag)
		}
	}
	return list
}

func (w *Watcher) check(ctx context.Context, a *Agent) health {
	if w.away != nil {
		if err := w.away(a); err != nil {
			return health{err: err}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, w.grace)
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
	if t.Kind == probes.KindICMP {
		return "" // the kernel answers, for nobody
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
