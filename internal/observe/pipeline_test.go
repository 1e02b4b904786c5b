package observe_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/observe"
)

func pipeline(t *testing.T, l *lab, interval time.Duration, targets ...observe.Target) *seen {
	t.Helper()
	s := &seen{samples: map[int][]flow.Sample{}, changed: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { l.pool.Pipeline(ctx, targets, interval, s.take) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	return s
}

// gap is the median time from one sample to the next.
func gap(samples []flow.Sample) time.Duration {
	var gaps []time.Duration
	for n := range samples[1:] {
		gaps = append(gaps, samples[n+1].Begin.Sub(samples[n].Begin))
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// A flow that waits for a time-out each time is tried as often as one that connects,
// and holds up neither it nor itself.
func TestAPipelineDoesNotWaitForTimeOuts(t *testing.T) {
	l := newLab(t)
	target := l.target(t)
	s := pipeline(t, l, 10*time.Millisecond, target, dropped(t, target))
	s.await(t, "a hundred samples of each", func(all map[int][]flow.Sample) bool { return len(all[0]) >= 100 && len(all[1]) >= 100 })
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, want := range map[int]flow.Outcome{0: flow.Connected, 1: flow.TimedOut} {
		samples := s.samples[i]
		if n := count(samples, want); n < len(samples)/2 {
			t.Errorf("target %d: %d of %d samples are %s", i, n, len(samples), want)
		}
		if g := gap(samples); g > 12*time.Millisecond {
			t.Errorf("target %d: tried every %s, each attempt takes %s", i, g, samples[0].Took)
		}
	}
	if took := s.samples[1][0].Took; took < 100*time.Millisecond {
		t.Errorf("a time-out took %s only: this shows nothing", took)
	}
}

func TestAPipelineGoesOnAfterACut(t *testing.T) {
	l := newLab(t)
	s := pipeline(t, l, 10*time.Millisecond, l.target(t))
	connects := func(all map[int][]flow.Sample) bool { return last(all[0]) == flow.Connected }
	s.await(t, "a connection", connects)
	l.breakOff(client)
	s.await(t, "what cannot be told", func(all map[int][]flow.Sample) bool { return last(all[0]) == flow.Failed })
	l.repair(client)
	s.await(t, "a connection again", connects)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := count(s.samples[0], flow.Connected) + count(s.samples[0], flow.Failed); n < len(s.samples[0]) {
		t.Errorf("%d samples look like a denial", len(s.samples[0])-n)
	}
}
