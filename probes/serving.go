//go:build linux

package probes

import (
	"cmp"
	"container/list"
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

// clients is the set of connections that the agent's servers hold. When there is
// no room the oldest one goes, never the newest: good clients stay for
// milliseconds, so the oldest is one that hangs.
type clients struct {
	most int

	mu    sync.Mutex
	order list.List
	at    map[*socket]*list.Element
}

func newClients(most int) *clients {
	return &clients{most: most, at: map[*socket]*list.Element{}}
}

func (c *clients) add(s *socket) {
	c.mu.Lock()
	c.at[s] = c.order.PushBack(s)
	full := len(c.at) > c.most
	c.mu.Unlock()
	if full {
		c.dropOldest()
	}
}

func (c *clients) dropOldest() {
	c.mu.Lock()
	oldest := c.order.Front()
	c.mu.Unlock()
	if oldest == nil {
		return
	}
	if s, ok := oldest.Value.(*socket); ok {
		c.drop(s)
	}
}

// drop closes the connection; dropping it twice is no mistake.
func (c *clients) drop(s *socket) {
	c.mu.Lock()
	if e := c.at[s]; e != nil {
		c.order.Remove(e)
		delete(c.at, s)
	}
	c.mu.Unlock()
	_ = s.Close()
}

func (c *clients) close() {
	c.mu.Lock()
	held := make([]*socket, 0, len(c.at))
	for s := range c.at {
		held = append(held, s)
	}
	c.mu.Unlock()
	for _, s := range held {
		c.drop(s)
	}
}
