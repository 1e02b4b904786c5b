package observe

import (
	"testing"
	"time"
)

func TestAFlowThatKeepsConnectingIsGivenLongerBeforeItCountsAsClosed(t *testing.T) {
	last := time.Duration(0)
	for n := range 3 {
		got := total(attempts(time.Second, n, false))
		if got <= last {
			t.Errorf("after %d rounds a probe waits %s, not longer than the %s of one round less", n, got, last)
		}
		last = got
	}
	if got := total(attempts(time.Second, 20, false)); got != last {
		t.Errorf("a probe waits %s after 20 rounds and %s after 2", got, last)
	}
	if got := total(attempts(time.Second, 1, true)); got != last {
		t.Errorf("in a steady state a probe waits %s, want %s at once", got, last)
	}
	if got := len(attempts(time.Second, 0, true)); got != 1 {
		t.Errorf("a closed flow is tried %d times a round, want once", got)
	}
}

func answersOf(n int, took time.Duration) []time.Duration {
	list := make([]time.Duration, n)
	for i := range list {
		list[i] = took
	}
	return list
}

func TestPaceRisesAtOnceAndFallsSlowly(t *testing.T) {
	var p pace
	p.learn(answersOf(10, time.Millisecond))
	if got := p.attempt(); got != shortest {
		t.Errorf("after quick answers an attempt waits %s, want %s", got, shortest)
	}
	p.learn(answersOf(10, 100*time.Millisecond))
	if got := p.attempt(); got != margin*100*time.Millisecond {
		t.Errorf("after slow answers an attempt waits %s", got)
	}
	p.learn(answersOf(10, time.Millisecond))
	if got := p.attempt(); got < 250*time.Millisecond {
		t.Errorf("one quick round made an attempt wait only %s", got)
	}
	for range 100 {
		p.learn(answersOf(10, time.Millisecond))
	}
	if got := p.attempt(); got != shortest {
		t.Errorf("after many quick rounds an attempt waits %s, want %s", got, shortest)
	}
	p.learn(answersOf(10, time.Hour))
	if got := p.attempt(); got != longest {
		t.Errorf("an attempt waits %s, want at most %s", got, longest)
	}
}

func TestOneOddAnswerDoesNotSetThePace(t *testing.T) {
	var p pace
	p.learn(append(answersOf(99, time.Millisecond), time.Second))
	if got := p.attempt(); got != shortest {
		t.Errorf("one retransmission made an attempt wait %s", got)
	}
	p.learn(nil)
	if got := p.attempt(); got != shortest {
		t.Errorf("a round without answers made an attempt wait %s", got)
	}
}
