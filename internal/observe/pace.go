package observe

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// The bounds of one attempt's time-out, and how many times a slow answer of late
// it is. A CNI that delays a packet by more than the whole series of attempts
// would be taken for one that drops it; an answer on a busy machine must not be.
const (
	shortest = 40 * time.Millisecond
	longest  = time.Second
	margin   = 4
	initial  = 25 * time.Millisecond // what counts as slow before the first answer
	// stallMargin is how many halves of a stall an attempt waits: silence that lasted less
	// than two stalls proves nothing.
	stallMargin = 5
)

// slowest is the share of answers that a round may leave out as odd: one that took
// a retransmission says nothing about the others.
const slowest = 20

// pace learns from the answers, and from agents that were kept from running, how long an
// attempt has to wait. It rises at once and falls slowly, and is shared by all watchers of
// a pool.
type pace struct {
	mu    sync.Mutex
	slow  time.Duration // a slow answer of late
	stall time.Duration // for how long agents were kept from running of late
}

// learn takes in how long the answers of one round took, and for how long the agents that
// were asked were kept from running. Answers of a few flows, tried alone, can be slow but say
// nothing of how slow a whole table may be.
func (p *pace) learn(answers, stalls []time.Duration, few bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow = learned(p.slow, answers, few)
	p.stall = learned(p.stall, stalls, few)
}

func learned(known time.Duration, list []time.Duration, few bool) time.Duration {
	took := slow(list)
	switch {
	case len(list) == 0, few && took < known:
		return known
	case took > known:
		return took
	}
	return known - (known-took)/2
}

// slow is a slow answer, but not an odd one; 0 of none.
func slow(answers []time.Duration) time.Duration {
	if len(answers) == 0 {
		return 0
	}
	slices.Sort(answers)
	return answers[len(answers)-1-len(answers)/slowest]
}

// now is what counts as a slow answer, and as a long stall.
func (p *pace) now() (slow, stall time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slow, p.stall
}

// attempt is the time-out of one attempt.
func (p *pace) attempt() time.Duration {
	slow, stall := p.now()
	return min(max(margin*cmp.Or(slow, initial), stallMargin*stall/2, shortest), longest)
}

// series gives every flow its attempts, by the number of rounds in a row in which
// it has connected so far. A few flows, tried alone, only say when it is time to try
// them all: they wait half as long. No attempt waits less than least.
func (p *pace) series(connected []int, look flow.Look, few bool, least time.Duration) [][]time.Duration {
	t := max(p.attempt(), least)
	if few {
		t /= 2
	}
	list := make([][]time.Duration, len(connected))
	for i, n := range connected {
		list[i] = attempts(t, n, look)
	}
	return list
}

// attempts is the series of time-outs for a flow. One that has not connected is
// tried once: an opening shows in any round. One that has is tried again before it
// counts as closed, and longest in a steady state or after it has connected again
// and again: that a flow fails now and then is a serious thing to say of an
// implementation. What is held against somebody is given more than a second, whatever
// was seen before.
func attempts(t time.Duration, connected int, look flow.Look) []time.Duration {
	switch {
	case look.Patient:
		return []time.Duration{t, 2 * t, max(4*t, longest)}
	case connected == 0:
		return []time.Duration{t}
	case connected == 1 && !look.Steady:
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
