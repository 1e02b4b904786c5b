package observe

import (
	"sync"
	"time"
)

// The bounds of one attempt's time-out, and how many times the slowest answer of
// late it is. A CNI that delays a packet by more than the whole series of
// attempts would be taken for one that drops it; an answer on a busy machine must not be.
const (
	shortest = 40 * time.Millisecond
	longest  = 2 * time.Second
	margin   = 4
	initial  = 50 * time.Millisecond // the slowest answer that is assumed before the first
)

// pace learns from the answers how long an attempt has to wait. It rises at once
// and falls slowly.
type pace struct {
	mu   sync.Mutex
	slow time.Duration // the slowest answer of late
}

func (p *pace) learn(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slow == 0 {
		p.slow = took
	}
	if took > p.slow {
		p.slow = took
		return
	}
	p.slow -= (p.slow - took) / 8
}

// attempt is the time-out of one attempt.
func (p *pace) attempt() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	slow := p.slow
	if slow == 0 {
		slow = initial
	}
	return min(max(margin*slow, shortest), longest)
}

// timeouts is the series of attempts for a flow. One that has been seen closed is
// tried once: an opening shows in any round. One of which nothing is known is
// tried twice. One that has connected since the watch began is given much longer,
// in fresh attempts, before it counts as closed: a flow that fails now and then
// is a serious thing to say of an implementation.
func (p *pace) timeouts(h history) []time.Duration {
	t := p.attempt()
	switch h {
	case closed:
		return []time.Duration{t}
	case open:
		return []time.Duration{t, 2 * t, 4 * t, 8 * t}
	default:
		return []time.Duration{t, 2 * t}
	}
}

// history is what the last round of the watch saw of a flow.
type history uint8

const (
	fresh history = iota
	open
	closed
)

func total(timeouts []time.Duration) time.Duration {
	var sum time.Duration
	for _, t := range timeouts {
		sum += t
	}
	return sum
}
