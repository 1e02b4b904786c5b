package observe

import (
	"testing"
	"time"
)

func TestTimeoutsByHistory(t *testing.T) {
	var p pace
	if a, b, c := total(p.timeouts(closed)), total(p.timeouts(fresh)), total(p.timeouts(open)); a >= b || b >= c {
		t.Errorf("closed %s, fresh %s, open %s: each must be longer than the one before", a, b, c)
	}
	if n := len(p.timeouts(open)); n < 3 {
		t.Errorf("a flow that connected gets %d attempts, want several", n)
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
