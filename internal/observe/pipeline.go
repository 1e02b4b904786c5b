package observe

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

const (
	// trainLength is how many intervals are asked for with one request.
	trainLength = 10
	// mostTrains is how many requests of one source may be under way at once.
	mostTrains = 16
)

// Pipeline tries every target once in every interval until ctx ends, also while earlier
// attempts still wait for their time-outs: a denied flow holds up nobody, itself
// included. It hands over rounds of several intervals of one source's targets, by one
// call at a time. The samples of one target come in the order in which they were due.
// Where an agent or the machine cannot keep up there are fewer.
func (p *Pool) Pipeline(ctx context.Context, targets []Target, interval time.Duration, take func(flow.Round)) {
	f := &follower{pool: p, targets: targets, interval: interval, take: take}
	var group sync.WaitGroup
	for _, l := range f.lanes() {
		group.Go(func() { l.pipe(ctx) })
	}
	group.Wait()
}

// pipe sends one train after another.
func (l *lane) pipe(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	room := make(chan struct{}, mostTrains)
	before := make(chan struct{})
	close(before)
	length := trainLength * l.interval
	for due := time.Now(); Wait(ctx, time.Until(due)); due = due.Add(length) {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return
		}
		if now := time.Now(); due.Add(length).Before(now) {
			due = now // no catching up
		}
		earlier, handed := before, make(chan struct{})
		before = handed
		group.Go(func() {
			defer func() { <-room }()
			defer close(handed)
			round := l.train(ctx)
			<-earlier
			if ctx.Err() == nil {
				l.hand(round)
			}
		})
	}
}

// train tries the source's targets once in each of several intervals.
func (l *lane) train(ctx context.Context) flow.Round {
	w := &Watcher{pace: &l.pool.pace, grace: patience}
	var indices []int
	for tick := range trainLength {
		for _, i := range l.own {
			indices = append(indices, i)
			w.targets = append(w.targets, l.targets[i])
			w.after = append(w.after, time.Duration(tick)*l.interval)
		}
	}
	round := w.round(ctx, make([]int, len(indices)), false)
	round.Only = indices
	return round
}

// timeouts are those of every target's attempts. An attempt of a train holds up no
// other, and is made once.
func (w *Watcher) timeouts(connected []int, steady bool) [][]time.Duration {
	if w.after == nil {
		return w.pace.series(connected, steady, w.few)
	}
	return slices.Repeat([][]time.Duration{{w.pace.unhurried()}}, len(connected))
}
