//go:build linux

package probes

import (
	"container/list"
	"sync"
	"time"
)

// patience is how long a connection may hang before it makes room for another. A
// good client stays for milliseconds, and must not be cut off: to its probe that
// would look like a denial.
const patience = time.Second

// clients is the set of connections that the agent's servers hold, oldest first.
type clients struct {
	most int

	mu    sync.Mutex
	order list.List // of client
	at    map[*socket]*list.Element
}

type client struct {
	socket *socket
	since  time.Time
}

func newClients(most int) *clients {
	return &clients{most: most, at: map[*socket]*list.Element{}}
}

// makeRoom waits until there is room for one more connection. What waits for accept
// meanwhile stands already, so its client waits, too.
func (c *clients) makeRoom() {
	for c.full() && !c.dropStale() {
		<-time.After(5 * time.Millisecond)
	}
}

func (c *clients) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.at) >= c.most
}

// dropStale closes the oldest connection if it has hung for longer than patience.
func (c *clients) dropStale() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.order.Front()
	if e == nil {
		return false
	}
	oldest, ok := e.Value.(client)
	if !ok || time.Since(oldest.since) < patience {
		return false
	}
	c.forget(oldest.socket)
	_ = oldest.socket.Close()
	return true
}

func (c *clients) add(s *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at[s] = c.order.PushBack(client{s, time.Now()})
}

// drop closes the connection; dropping it twice is no mistake.
func (c *clients) drop(s *socket) {
	c.mu.Lock()
	c.forget(s)
	c.mu.Unlock()
	_ = s.Close()
}

func (c *clients) forget(s *socket) {
	if e := c.at[s]; e != nil {
		c.order.Remove(e)
		delete(c.at, s)
	}
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
