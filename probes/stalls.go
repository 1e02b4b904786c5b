//go:build linux

package probes

import (
	"sync"
	"time"
)

const (
	// shortestBeat is how often an agent looks whether it can run until it is told how often,
	// and the least that it may be told.
	shortestBeat = 10 * time.Millisecond
	longestBeat  = time.Second
	// noticed is how late a beat has to be to be remembered.
	noticed = time.Millisecond
)

// stalls remembers when the agent was kept from running: by others who had the processor,
// or because its process, its container or its node stood still.
type stalls struct {
	begun time.Time
	ended chan struct{}
	close func()

	mu     sync.Mutex
	beat   time.Duration // the time up to due is this long
	wanted time.Duration // the next one
	due    time.Time     // of the next beat
	list   []stall       // by end
}

type stall struct {
	end  time.Time
	took time.Duration
}

func newStalls() *stalls {
	now := time.Now()
	s := &stalls{begun: now, ended: make(chan struct{}), beat: shortestBeat, wanted: shortestBeat, due: now.Add(shortestBeat)}
	s.close = sync.OnceFunc(func() { close(s.ended) })
	return s
}

// watch looks whether it can run until it is closed.
func (s *stalls) watch() {
	timer := time.NewTimer(shortestBeat)
	defer timer.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-timer.C:
			timer.Reset(s.woke(time.Now()))
		}
	}
}

// woke takes in a beat, and returns the time to the next one.
func (s *stalls) woke(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	// What is longest is added to the beat of now: a stall may have been longer by as much as
	// the beat was longer then.
	if late := now.Sub(s.due) + max(0, s.beat-s.wanted); late >= noticed {
		s.list = append(s.list, stall{now, late})
	}
	for len(s.list) > 0 && now.Sub(s.list[0].end) > StallsKept {
		s.list = s.list[1:]
	}
	s.beat, s.due = s.wanted, now.Add(s.wanted)
	return s.wanted
}

// look has the agent look as often as that from its next beat on; 0 changes nothing.
func (s *stalls) look(every time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if every > 0 {
		s.wanted = min(max(every, shortestBeat), longestBeat)
	}
}

// longest is at most for how long the agent was kept from running at one time, of all times
// that ended within a while before now. What fell between two beats may have gone unseen, so
// that it is never less than a beat.
func (s *stalls) longest(now time.Time, within time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	longest := max(0, now.Sub(s.due)) // one that lasts
	for _, one := range s.list {
		if now.Sub(one.end) <= within {
			longest = max(longest, one.took)
		}
	}
	return longest + s.beat
}
