//go:build linux

package probes

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// startTime is how long the ports of one request may take to come up: a number may
// still be the source port of a probe that is under way.
const startTime = 3 * time.Second

// serving is the set of ports whose listeners are up.
type serving struct {
	opening sync.Mutex // held while listeners are opened

	mu     sync.RWMutex
	up     map[Port]io.Closer
	closed bool
}

func newServing() *serving { return &serving{up: map[Port]io.Closer{}} }

// start opens a listener for every port that has none yet. The error names each
// port that could not be served.
func (s *serving) start(a *Agent, ports []Port) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	deadline := time.Now().Add(startTime)
	var problems []error
	for _, p := range ports {
		err := s.startOne(a, p)
		for isBusy(err) && time.Now().Before(deadline) {
			<-time.After(50 * time.Millisecond)
			err = s.startOne(a, p)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("serving %s port %d: %w", p.Kind, p.Number, err))
		}
	}
	return errors.Join(problems...)
}

func (s *serving) startOne(a *Agent, p Port) error {
	proto, ok := protocolOf(p.Kind)
	if !ok || proto.serve == nil {
		return errors.New("this kind cannot be served")
	}
	if p.Number == 0 {
		return errors.New("not a port number")
	}
	a.sources.reserve(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	if s.up[p] != nil {
		return nil
	}
	l, err := proto.serve(a, p.Number, func() { s.down(p) })
	if err != nil {
		return err
	}
	s.up[p] = l
	return nil
}

// down forgets a port whose listener has ended.
func (s *serving) down(p Port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.up[p]; l != nil {
		_ = l.Close()
		delete(s.up, p)
	}
}

func (s *serving) serves(p Port) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.up[p] != nil
}

// ports is what is served now, sorted by kind and number.
func (s *serving) ports() []Port {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ports := make([]Port, 0, len(s.up))
	for p := range s.up {
		ports = append(ports, p)
	}
	slices.SortFunc(ports, func(a, b Port) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Number, b.Number))
	})
	return ports
}

func (s *serving) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, p := range s.ports() {
		s.down(p)
	}
}
