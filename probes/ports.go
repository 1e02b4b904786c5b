//go:build linux

package probes

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// Source ports are drawn from firstPort to lastPort, block by block.
const (
	firstPort  = 10240
	lastPort   = 60999
	portCount  = lastPort - firstPort + 1
	blockSize  = 1024
	blockCount = (portCount + blockSize - 1) / blockSize
)

// quiet is how long a source port rests before it is used again towards the same
// server. Connection tracking remembers a UDP flow for up to 180 s, and a denied
// flow that looks like a remembered one may be let through.
const quiet = 3 * time.Minute

// maxServers bounds the memory of sourcePorts to a few megabytes.
const maxServers = 8192

// portKey is whom a source port is for. Every server has a sequence of its own,
// whatever address leads to it: behind a Service's address and behind its own,
// its connection tracking sees the same flow.
type portKey struct {
	transport Kind // KindTCP, KindUDP or KindSCTP
	v6        bool
	server    string
	address   netip.AddrPort // where the prober named no server
}

// sourcePorts deals out source ports, none twice within the quiet time but those that are kept.
type sourcePorts struct {
	now func() time.Time

	mu        sync.Mutex
	reserved  map[Port]bool
	sequences map[portKey]*sequence
	swept     time.Time
}

// sequence walks the range from a random start. It knows of each block of ports
// until when one of them was in use, and which were kept under what name.
type sequence struct {
	next  int
	begun bool
	until [blockCount]time.Duration // since epoch
	epoch time.Time
	kept  map[string]uint16
}

func newSourcePorts(now func() time.Time) *sourcePorts {
	return &sourcePorts{now: now, reserved: map[Port]bool{}, sequences: map[portKey]*sequence{}, swept: now()}
}

// reserve keeps a port for the agent's servers, from now on.
func (s *sourcePorts) reserve(p Port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserved[p] = true
}

// take returns a port that the caller may use for as long as hold: a fresh one, or, where
// it is to be kept under a name, the one that was drawn when that was first said.
func (s *sourcePorts) take(key portKey, keep string, hold time.Duration) (uint16, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq, err := s.sequence(key)
	if err != nil {
		return 0, err
	}
	if port, ok := seq.kept[keep]; ok {
		seq.use(int(port)-firstPort, s.now(), hold)
		return port, nil
	}
	port, err := s.fresh(seq, key, hold)
	if err == nil && keep != "" {
		seq.kept[keep] = port
	}
	return port, err
}

// drop keeps a port no longer.
func (s *sourcePorts) drop(key portKey, keep string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq := s.sequences[key]; seq != nil {
		delete(seq.kept, keep)
	}
}

func (s *sourcePorts) fresh(seq *sequence, key portKey, hold time.Duration) (uint16, error) {
	now := s.now()
	for range portCount {
		port, ok := seq.take(now, hold)
		if !ok {
			return 0, localf("source ports exhausted: all %d were used towards %v within %v", portCount, key, quiet)
		}
		if !s.reserved[Port{key.transport, port}] {
			return port, nil
		}
	}
	return 0, localf("source ports exhausted: the agent serves them all")
}

func (s *sourcePorts) sequence(key portKey) (*sequence, error) {
	if seq := s.sequences[key]; seq != nil {
		return seq, nil
	}
	now := s.now()
	if now.Sub(s.swept) > quiet || len(s.sequences) >= maxServers {
		s.sweep(now)
	}
	if len(s.sequences) >= maxServers {
		return nil, localf("source ports exhausted: %d servers were probed within %v", maxServers, quiet)
	}
	seq := &sequence{next: rand.IntN(portCount), epoch: now, kept: map[string]uint16{}}
	s.sequences[key] = seq
	return seq, nil
}

// sweep forgets the sequences whose ports have all rested.
func (s *sourcePorts) sweep(now time.Time) {
	s.swept = now
	for key, seq := range s.sequences {
		if seq.rested(now) {
			delete(s.sequences, key)
		}
	}
}

// take returns the next port, unless its block has not rested since the last lap.
func (q *sequence) take(now time.Time, hold time.Duration) (uint16, bool) {
	at := now.Sub(q.epoch)
	block := q.next / blockSize
	if q.begun && q.next%blockSize == 0 && q.until[block] != 0 && at < q.until[block]+quiet {
		return 0, false
	}
	q.begun = true
	q.use(q.next, now, hold)
	port := firstPort + q.next
	q.next = (q.next + 1) % portCount
	return uint16(port), true
}

// use notes that the nth port is in use for as long as hold.
func (q *sequence) use(n int, now time.Time, hold time.Duration) {
	block := n / blockSize
	q.until[block] = max(q.until[block], now.Sub(q.epoch)+hold)
}

func (q *sequence) rested(now time.Time) bool {
	at := now.Sub(q.epoch)
	for _, until := range q.until {
		if until != 0 && at < until+quiet {
			return false
		}
	}
	return true
}

// String is the key as an error shows it.
func (k portKey) String() string {
	if k.server != "" {
		return fmt.Sprintf("%s of %q", k.transport, k.server)
	}
	return fmt.Sprintf("%s of %s", k.transport, k.address)
}
