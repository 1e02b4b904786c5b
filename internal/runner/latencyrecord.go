package runner

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/observe"
)

// record is what a pursuit of flows has seen since it was last told to forget.
type record struct {
	flows []flow.Flow
	stop  context.CancelFunc
	done  sync.WaitGroup
	more  chan struct{} // holds a token where there is something new

	mu     sync.Mutex
	rounds []flow.Round
}

// newRecord begins to try the targets, which goes on until end.
func newRecord(ctx context.Context, pool *observe.Pool, targets []observe.Target, interval time.Duration) *record {
	ctx, stop := context.WithCancel(ctx)
	r := &record{stop: stop, more: make(chan struct{}, 1)}
	for _, t := range targets {
		r.flows = append(r.flows, t.Flow)
	}
	r.done.Go(func() { pool.Pursue(ctx, targets, interval, r.take) })
	return r
}

// end returns when nothing is tried any more.
func (r *record) end() {
	r.stop()
	r.done.Wait()
}

// take makes a round of every sample: each comes at a time of its own.
func (r *record) take(target int, s flow.Sample) {
	round := flow.Round{Begin: s.Begin, End: s.Begin.Add(s.Took), Only: []int{target}, Samples: []flow.Sample{s}}
	r.mu.Lock()
	r.rounds = append(r.rounds, round)
	r.mu.Unlock()
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// forget drops all that was seen. What is under way still comes.
func (r *record) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rounds = nil
}

// line is not to be changed: it shares what is only ever added to.
func (r *record) line() *flow.Timeline {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &flow.Timeline{Flows: r.flows, Rounds: slices.Clip(r.rounds)}
}

// until returns when what was seen is enough, or time is up.
func (r *record) until(ctx context.Context, limit time.Duration, enough func(*flow.Timeline) bool) *flow.Timeline {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		line := r.line()
		if enough(line) {
			return line
		}
		select {
		case <-r.more:
		case <-ctx.Done():
			return line
		}
	}
}
