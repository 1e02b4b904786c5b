package observe

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

const (
	// patience replaces grace where other flows are to be tried meanwhile.
	patience = 2 * time.Second
	// leastWait is the least that an attempt waits where the next one is not due before
	// anyhow: the longer the silence, the more it says.
	leastWait = 100 * time.Millisecond
	// again is the pause before flows are tried again that have changed.
	again = 10 * time.Millisecond
	// settling is how many rounds a changed flow is tried again so soon.
	settling = 200
	// returning is how long an attempt to reach an agent that is away may take, and
	// rest the pause between two of them.
	returning = 30 * time.Second
	rest      = 200 * time.Millisecond
)

// Follow tries every target once in every interval until ctx ends, and hands over
// every round instead of keeping it, by one call at a time. Round.Only and the samples
// of one target come in order. Sources take turns within the interval. A target whose
// verdict is not what it was is tried again after 10 ms, for as long as that lasts or
// a few seconds. An agent whose stream breaks is away until it can be reached again:
// nothing is tried from it meanwhile, the silence of flows to it is no evidence, and
// it holds up no other flow.
func (p *Pool) Follow(ctx context.Context, targets []Target, interval time.Duration, take func(flow.Round)) {
	f := &follower{pool: p, targets: targets, interval: interval, take: take, away: map[*Agent]error{}}
	lanes := f.lanes()
	var group sync.WaitGroup
	for n, l := range lanes {
		offset := time.Duration(n) * interval / time.Duration(len(lanes))
		group.Go(func() {
			if Wait(ctx, offset) {
				l.run(ctx)
			}
		})
	}
	group.Wait()
	f.returns.Wait()
}

type follower struct {
	pool     *Pool
	targets  []Target
	interval time.Duration
	returns  sync.WaitGroup

	taking sync.Mutex
	take   func(flow.Round)

	mu   sync.Mutex
	away map[*Agent]error // with the reason
}

// lane is the targets of one source.
type lane struct {
	*follower
	own      []int
	usual    map[int]flow.Verdict // what a target showed, until it showed something else for long
	restless map[int]int          // targets that show something else, with the rounds left
}

func (f *follower) lanes() []*lane {
	at := map[*Agent]*lane{}
	var list []*lane
	for i, t := range f.targets {
		l := at[t.From]
		if l == nil {
			l = &lane{follower: f, usual: map[int]flow.Verdict{}, restless: map[int]int{}}
			at[t.From] = l
			list = append(list, l)
		}
		l.own = append(l.own, i)
	}
	return list
}

func (l *lane) run(ctx context.Context) {
	due := time.Now()
	for ctx.Err() == nil {
		indices := l.changed()
		if now := time.Now(); !now.Before(due) {
			indices = l.own
			due = due.Add(l.interval)
			if due.Before(now) {
				due = now // no catching up
			}
		}
		if len(indices) > 0 {
			round := l.try(ctx, indices)
			if ctx.Err() != nil {
				return
			}
			l.compare(round)
			l.hand(round)
		}
		pause := time.Until(due)
		if len(l.restless) > 0 {
			pause = min(pause, again)
		}
		if !Wait(ctx, pause) {
			return
		}
	}
}

func (l *lane) changed() []int {
	var list []int
	for _, i := range l.own {
		if l.restless[i] > 0 {
			list = append(list, i)
		}
	}
	return list
}

// compare finds targets that are not as usual. After a while the new is the usual.
func (l *lane) compare(r flow.Round) {
	for i, s := range r.All() {
		v := s.Verdict()
		switch {
		case v == flow.Unknown:
			delete(l.restless, i)
		case l.usual[i] == flow.Unknown || v == l.usual[i]:
			l.usual[i] = v
			delete(l.restless, i)
		case l.restless[i] == 1:
			l.usual[i] = v
			delete(l.restless, i)
		case l.restless[i] == 0:
			l.restless[i] = settling
		default:
			l.restless[i]--
		}
	}
}

func (f *follower) hand(r flow.Round) {
	f.taking.Lock()
	defer f.taking.Unlock()
	f.take(r)
}

// try makes one round of those targets whose agents are there.
func (l *lane) try(ctx context.Context, indices []int) flow.Round {
	round := flow.Round{Begin: time.Now(), Only: indices, Samples: make([]flow.Sample, len(indices))}
	w := &Watcher{pace: &l.pool.pace, grace: patience, least: min(l.interval, leastWait), away: l.isAway}
	var places []int
	for n, i := range indices {
		t := l.targets[i]
		if err := l.isAway(t.From); err != nil {
			round.Samples[n] = flow.Sample{Begin: round.Begin, Outcome: flow.Failed, Detail: "could not tell: source: " + err.Error()}
			continue
		}
		w.targets, places = append(w.targets, t), append(places, n)
	}
	if len(places) > 0 {
		for k, s := range w.round(ctx, make([]int, len(places)), flow.Look{}).Samples {
			round.Samples[places[k]] = s
			if s.Outcome == flow.Failed {
				l.suspectAway(ctx, w.targets[k], s.Detail)
			}
		}
	}
	round.End = time.Now()
	return round
}

// isAway is why an agent is away, or nil.
func (f *follower) isAway(a *Agent) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.away[a]
}

// suspectAway takes the agents of a target for away whose streams have been lost, and
// has them looked for.
func (f *follower) suspectAway(ctx context.Context, t Target, detail string) {
	for _, a := range []*Agent{t.From, t.To} {
		if a == nil {
			continue
		}
		if client, _ := a.known(); client != nil {
			continue
		}
		f.mu.Lock()
		known := f.away[a] != nil
		if !known {
			f.away[a] = fmt.Errorf("the agent of %s is away: %s", a.endpoint, strings.TrimPrefix(detail, "could not tell: "))
		}
		f.mu.Unlock()
		if !known {
			f.returns.Go(func() { f.await(ctx, a) })
		}
	}
}

// await returns when the agent can be reached again, or ctx has ended.
func (f *follower) await(ctx context.Context, a *Agent) {
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, returning)
		_, err := a.ping(limited, probes.Ping{})
		cancel()
		if err == nil {
			f.mu.Lock()
			delete(f.away, a)
			f.mu.Unlock()
			return
		}
		Wait(ctx, rest)
	}
}
