package observe

import (
	"slices"
	"sync"
	"time"
)

// The bounds of one attempt's time-out, and how many times a slow answer of late
// it is. A CNI that delays a packet by more than the whole series of attempts
// would be taken for one that drops it; an answer on a busy machine must not be.
const (
	shortest = 40 * time.Millisecond
	longest  = 500 * time.Millisecond
	margin   = 4
	initial  = 25 * time.Millisecond // what counts as slow before the first answer
)

// slowest is the share of answers that a round may leave out as odd: one that took
// a retransmission says nothing about the others.
const slowest = 20

// pace learns from the answers how long an attempt has to wait. It rises at once
// and falls slowly, and is shared by all watchers of a pool.
type pace struct {
	mu   sync.Mutex
	slow time.Duration // a slow answer of late
}

// learn takes in how long the answers of one round took.
func (p *pace) learn(answers []time.Duration) {
	if len(answers) == 0 {
		return
	}
	slices.Sort(answers)
	took := answers[len(answers)-1-len(answers)/slowest]
	p.mu.Lock()
	defer p.mu.Unlock()
	if took > p.slow {
		p.slow = took
		return
	}
	p.slow -= (p.slow - took) / 4
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

// timeouts is the series of attempts for a flow that has connected in so many
// rounds in a row. One that did not is tried once: an opening shows in any round.
// One that has connected again and again is given much longer, in fresh attempts,
// before it counts as closed: that a flow fails now and then is a serious thing to
// say of an implementation.
func (p *pace) timeouts(connected int) []time.Duration {
	t := p.attempt()
	switch connected {
	case 0:
		return []time.Duration{t}
	case 1:
		return []time.Duration{t, 2 * t}
	}
	return []time.Duration{t, 2 * t, 4 * t}
}

func total(timeouts []time.Duration) time.Duration {
	var sum time.Duration
	for _, t := range timeouts {
		sum += t
	}
	return sum
}
