package observe_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/observe"
)

// seen is what a follower handed over, by target.
type seen struct {
	mu      sync.Mutex
	samples map[int][]flow.Sample
	changed chan struct{}
}

func (s *seen) take(r flow.Round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, sample := range r.All() {
		s.samples[i] = append(s.samples[i], sample)
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// await returns when a condition holds of the samples.
func (s *seen) await(t *testing.T, what string, holds func(map[int][]flow.Sample) bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		ok := holds(s.samples)
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-s.changed:
		case <-deadline:
			t.Fatalf("waited 20s for %s", what)
		}
	}
}

func follow(t *testing.T, l *lab, interval time.Duration, targets ...observe.Target) *seen {
	t.Helper()
	s := &seen{samples: map[int][]flow.Sample{}, changed: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { l.pool.Follow(ctx, targets, interval, s.take) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	return s
}

func last(samples []flow.Sample) flow.Outcome {
	if len(samples) == 0 {
		return flow.OutcomeUnknown
	}
	return samples[len(samples)-1].Outcome
}

func count(samples []flow.Sample, outcome flow.Outcome) int {
	n := 0
	for _, s := range samples {
		if s.Outcome == outcome {
			n++
		}
	}
	return n
}

func TestFollowTriesEveryTargetInEveryInterval(t *testing.T) {
	l := newLab(t)
	s := follow(t, l, 50*time.Millisecond, l.target(t), l.target(t))
	s.await(t, "ten samples of each", func(all map[int][]flow.Sample) bool { return len(all[0]) >= 10 && len(all[1]) >= 10 })
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, samples := range s.samples {
		if count(samples, flow.Connected) != len(samples) {
			t.Errorf("target %d: %d of %d connected", i, count(samples, flow.Connected), len(samples))
		}
		for n := range samples[1:] {
			if samples[n+1].Begin.Before(samples[n].Begin) {
				t.Errorf("target %d: sample %d is older than the one before", i, n+1)
			}
		}
	}
}

// A stream that breaks is no evidence for anything, and is opened again.
func TestFollowReattaches(t *testing.T) {
	for broken, want := range map[flow.Endpoint][2]flow.Outcome{
		client: {flow.Failed, flow.Failed},    // nothing can be tried
		server: {flow.Connected, flow.Failed}, // only silence says nothing then
	} {
		t.Run(broken.Name, func(t *testing.T) {
			l := newLab(t)
			target := l.target(t)
			s := follow(t, l, 20*time.Millisecond, target, dropped(t, target))
			show := func(want [2]flow.Outcome) func(map[int][]flow.Sample) bool {
				return func(all map[int][]flow.Sample) bool { return last(all[0]) == want[0] && last(all[1]) == want[1] }
			}
			s.await(t, "first samples", show([2]flow.Outcome{flow.Connected, flow.TimedOut}))
			attached := l.attachments(broken)
			l.breakOff(broken)
			s.await(t, "what cannot be told", show(want))
			l.repair(broken)
			s.await(t, "samples as at first", show([2]flow.Outcome{flow.Connected, flow.TimedOut}))
			if l.attachments(broken) <= attached {
				t.Error("the stream was not opened again")
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if n := count(s.samples[0], flow.Connected) + count(s.samples[0], flow.Failed); n < len(s.samples[0]) {
				t.Errorf("%d samples of the flow that connects look like a denial", len(s.samples[0])-n)
			}
		})
	}
}
