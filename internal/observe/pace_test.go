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

func TestPaceRisesAtOnceAndFallsSlowly(t *testing.T) {
	var p pace
	p.learn(time.Millisecond)
	if got := p.attempt(); got != shortest {
		t.Errorf("after a quick answer an attempt waits %s, want %s", got, shortest)
	}
	p.learn(100 * time.Millisecond)
	if got := p.attempt(); got != margin*100*time.Millisecond {
		t.Errorf("after a slow answer an attempt waits %s", got)
	}
	p.learn(time.Millisecond)
	if got := p.attempt(); got < 300*time.Millisecond {
		t.Errorf("one quick answer made an attempt wait only %s", got)
	}
	for range 100 {
		p.learn(time.Millisecond)
	}
	if got := p.attempt(); got != shortest {
		t.Errorf("after many quick answers an attempt waits %s, want %s", got, shortest)
	}
	p.learn(time.Hour)
	if got := p.attempt(); got != longest {
		t.Errorf("an attempt waits %s, want at most %s", got, longest)
	}
}
