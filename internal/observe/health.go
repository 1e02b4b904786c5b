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

// health is what an agent said of itself, and of the while before, on its control stream.
type health struct {
	pong probes.Pong
	err  error // why nothing is known of that while
}

// onItsWay is how long a question and its answer may take before the agent is asked again:
// the while that an answer is about ends when the question arrived, and nobody knows when
// that was.
const onItsWay = 100 * time.Millisecond

// beats is how many times an agent looks whether it can run while an attempt waits.
const beats = 8

// past asks the agent how it has been since that time, until now. However late the answer
// comes, it is about all of that while. The agent is to be asked again about the time from
// now on, in which an attempt waits that long; it says which of the marks it has heard.
func (a *Agent) past(ctx context.Context, since time.Time, attempt time.Duration, marks []uint64) health {
	for extra := onItsWay; ; extra *= 4 {
		asked := time.Now()
		within := asked.Sub(since) + extra
		pong, err := a.ping(ctx, probes.Ping{Within: within, Beat: attempt / beats, Heard: marks})
		now := time.Now()
		switch {
		case err != nil:
			return health{err: err}
		case within > probes.StallsKept:
			return health{err: fmt.Errorf("the agent of %s remembers %s, which is too short", a.endpoint, probes.StallsKept)}
		case now.Add(-pong.Age).After(since):
			return health{err: fmt.Errorf("the agent of %s began only %s ago", a.endpoint, pong.Age.Round(time.Millisecond))}
		case a.anew(asked.Add(-pong.Age)):
			return health{err: fmt.Errorf("the agent of %s began anew %s ago: its pod may have another address since", a.endpoint, pong.Age.Round(time.Millisecond))}
		case !now.Add(-within).After(since):
			return health{pong: pong}
		}
	}
}

// began notes when the agent began, at the latest, as it was when it was first asked.
func (a *Agent) began(latest time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.born.IsZero() {
		a.born = latest
	}
}

// anew reports whether an agent in a pod, which began no earlier than that, is another one
// than was first asked. Elsewhere an agent may begin anew: its addresses stay.
func (a *Agent) anew(earliest time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.endpoint.Kind == flow.KindPod && !a.born.IsZero() && earliest.After(a.born)
}

// checkup asks agents how they have been since that time, all at once.
func (w *Watcher) checkup(ctx context.Context, agents map[*Agent][]uint64, since time.Time) map[*Agent][]health {
	found := make(map[*Agent][]health, len(agents))
	var mu sync.Mutex
	var group sync.WaitGroup
	for a, marks := range agents {
		group.Go(func() {
			h := w.check(ctx, a, since, marks)
			mu.Lock()
			defer mu.Unlock()
			found[a] = []health{h}
		})
	}
	group.Wait()
	return found
}

func (w *Watcher) check(ctx context.Context, a *Agent, since time.Time, marks []uint64) health {
	if w.away != nil {
		if err := w.away(a); err != nil {
			return health{err: err}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, w.grace)
	defer cancel()
	return a.past(ctx, since, w.pace.attempt(), marks)
}

// stalls is for how long the agents were kept from running that answered.
func stalls(said map[*Agent][]health) []time.Duration {
	var list []time.Duration
	for _, all := range said {
		for _, h := range all {
			if h.err == nil {
				list = append(list, h.pong.Stalled)
			}
		}
	}
	return list
}

// heard reports whether the agent has got what was sent under the mark.
func heard(said []health, mark uint64) bool {
	return slices.ContainsFunc(said, func(h health) bool { return slices.Contains(h.pong.Heard, mark) })
}

// suspect says why the flow's silence proves nothing, by all that the agents have said of
// the time in which it was tried, or "".
func suspect(t Target, said map[*Agent][]health, granted time.Duration) string {
	if reason := suspectAgent(said[t.From], granted); reason != "" {
		return "could not tell: source: " + reason
	}
	if t.To == nil {
		return ""
	}
	if reason := suspectAgent(said[t.To], granted); reason != "" {
		return "could not tell: destination: " + reason
	}
	if t.Kind == probes.KindICMP {
		return "" // the kernel answers, for nobody
	}
	for _, h := range said[t.To] {
		if h.pong.Identity != t.Peer {
			return fmt.Sprintf("could not tell: the destination is %q, not %q", h.pong.Identity, t.Peer)
		}
		if !slices.Contains(h.pong.Serving, t.Port) {
			return fmt.Sprintf("could not tell: nothing listens on %s port %d at the destination", t.Port.Kind, t.Port.Number)
		}
	}
	return ""
}

func suspectAgent(said []health, granted time.Duration) string {
	if len(said) == 0 {
		return "the agent was not asked how it was"
	}
	for _, h := range said {
		switch {
		case h.err != nil:
			return h.err.Error()
		case h.pong.Stalled > granted/2:
			return fmt.Sprintf("the agent was kept from running for up to %s where the probe waited %s",
				h.pong.Stalled.Round(time.Millisecond), granted.Round(time.Millisecond))
		}
	}
	return ""
}
