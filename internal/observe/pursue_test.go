package observe_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/observe"
)

// pursue runs until stop is called, which returns what was handed over.
func pursue(t *testing.T, l *lab, targets ...observe.Target) (s *seen, stop func() map[int][]flow.Sample) {
	t.Helper()
	s = &seen{samples: map[int][]flow.Sample{}, changed: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		l.pool.Pursue(ctx, targets, 10*time.Millisecond, func(i int, sample flow.Sample) {
			s.take(flow.Round{Only: []int{i}, Samples: []flow.Sample{sample}})
		})
	})
	stop = func() map[int][]flow.Sample {
		cancel()
		group.Wait()
		return s.samples
	}
	t.Cleanup(func() { stop() })
	return s, stop
}

// A flow whose probes wait for an answer that does not come is tried no less often, and
// samples come in the order in which their probes began.
func TestPursueDoesNotWaitForSilence(t *testing.T) {
	l := newLab(t)
	target := l.target(t)
	s, stop := pursue(t, l, target, dropped(t, target))
	s.await(t, "50 samples of each", func(all map[int][]flow.Sample) bool { return len(all[0]) >= 50 && len(all[1]) >= 50 })
	all := stop()
	overlapping := false
	for i, want := range []flow.Outcome{flow.Connected, flow.TimedOut} {
		if n := count(all[i], want) + count(all[i], flow.Failed); n < len(all[i]) {
			t.Errorf("target %d: %d of %d samples are not %s", i, len(all[i])-n, len(all[i]), want)
		}
		for n := range all[i][1:] {
			one, next := all[i][n], all[i][n+1]
			if next.Begin.Before(one.Begin) {
				t.Errorf("target %d: sample %d is older than the one before", i, n+1)
			}
			overlapping = overlapping || next.Begin.Before(one.Begin.Add(one.Took))
		}
	}
	if !overlapping {
		t.Error("no probe began while another one waited")
	}
	if a, b := len(all[0]), len(all[1]); a != b {
		t.Errorf("%d samples of the one flow, %d of the other", a, b)
	}
}

// Silence says nothing while an agent at one end is away, and a stream that comes back
// is used again.
func TestPursueKnowsWhenSilenceProvesNothing(t *testing.T) {
	l := newLab(t)
	target := l.target(t)
	s, stop := pursue(t, l, target, dropped(t, target))
	show := func(want ...flow.Outcome) func(map[int][]flow.Sample) bool {
		return func(all map[int][]flow.Sample) bool { return last(all[0]) == want[0] && last(all[1]) == want[1] }
	}
	s.await(t, "first samples", show(flow.Connected, flow.TimedOut))
	l.breakOff(server)
	s.await(t, "what cannot be told", show(flow.Connected, flow.Failed))
	l.repair(server)
	s.await(t, "samples as at first", show(flow.Connected, flow.TimedOut))
	l.breakOff(client)
	s.await(t, "nothing that can be tried", show(flow.Failed, flow.Failed))
	l.repair(client)
	s.await(t, "samples as at first, again", show(flow.Connected, flow.TimedOut))
	for _, sample := range stop()[0] {
		if sample.Verdict() == flow.Deny {
			t.Fatalf("the flow that connects looks denied: %+v", sample)
		}
	}
}

// While an agent stands still, silence proves nothing, and before and afterwards it does.
func TestPursueDoubtsAHaltedAgent(t *testing.T) {
	l := newLab(t)
	halted := l.start(t, server)
	s, stop := pursue(t, l, dropped(t, l.target(t)))
	told := func(n int) func(map[int][]flow.Sample) bool {
		return func(all map[int][]flow.Sample) bool { return count(all[0], flow.TimedOut) >= n }
	}
	s.await(t, "ten samples", told(10))
	begin := time.Now()
	halted.halt(t, 600*time.Millisecond) // more than half of any time-out
	end := time.Now()
	s.await(t, "samples from after that", func(all map[int][]flow.Sample) bool {
		n := len(all[0]) - 1
		return n >= 0 && all[0][n].Outcome == flow.TimedOut && all[0][n].Begin.After(end)
	})
	for _, sample := range stop()[0] {
		if sample.Begin.After(begin) && sample.Begin.Before(end) && sample.Outcome != flow.Failed {
			t.Errorf("a sample of %s after the halt's begin is %s", sample.Begin.Sub(begin), sample.Outcome)
		}
	}
}

// A slow stream dates samples less exactly, and is no reason to doubt them.
func TestPursueDatesSamplesBySlowStreams(t *testing.T) {
	l := newLab(t)
	l.delay[client] = 100 * time.Millisecond
	target := l.target(t)
	s, stop := pursue(t, l, target, dropped(t, target))
	s.await(t, "ten samples of each", func(all map[int][]flow.Sample) bool {
		return count(all[0], flow.Connected) >= 10 && count(all[1], flow.TimedOut) >= 10
	})
	for n, sample := range stop()[0] {
		if sample.Outcome == flow.Connected && sample.Lag < 100*time.Millisecond {
			t.Errorf("sample %d is dated to %s, and the stream took 100 ms", n, sample.Lag)
		}
	}
}

func TestPursueOfNothingReturns(t *testing.T) {
	newLab(t).pool.Pursue(t.Context(), nil, time.Millisecond, func(int, flow.Sample) { t.Error("a sample") })
}
