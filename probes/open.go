//go:build linux

package probes

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

// openProtocol greets over a TCP connection that the first attempt under its name opens,
// and every later one finds open.
func openProtocol() protocol {
	return protocol{kind: KindOpen, transport: KindTCP, dial: dialOpen}
}

// openConnections are the connections that an agent keeps, by the names of their probes.
type openConnections struct {
	mu   sync.Mutex
	list map[string]*openConnection
}

func newOpenConnections() *openConnections {
	return &openConnections{list: map[string]*openConnection{}}
}

// named is the connection of that name, which need not be open yet.
func (o *openConnections) named(name string) *openConnection {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.list[name]
	if c == nil {
		c = &openConnection{}
		o.list[name] = c
	}
	return c
}

func (o *openConnections) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.list {
		c.mu.Lock()
		c.end(errClosed)
		c.mu.Unlock()
	}
}

// openConnection is opened once. When it has ended, it stays so.
type openConnection struct {
	mu     sync.Mutex
	socket *socket
	over   error  // why it has ended
	unread []byte // of answers that came late, or in part
}

func (c *openConnection) end(why error) {
	if c.socket != nil {
		_ = c.socket.Close()
	}
	if c.over == nil {
		c.over = why
	}
	c.socket = nil
}

// dialOpen greets over the connection, and opens it where it never was.
func dialOpen(try attempt) (string, error) {
	c := try.agent.open.named(try.keep)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != nil {
		return "", fmt.Errorf("the connection has ended: %w", c.over)
	}
	if c.socket == nil && try.stands {
		return "", localf("the agent keeps no such connection: it has begun anew since one was opened")
	}
	if c.socket == nil {
		s, err := connectTCP(try)
		if err != nil {
			return "", err
		}
		c.socket = s
	}
	identity, err := c.greet(try.begin.Add(2 * try.timeout))
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.end(err)
	}
	return identity, err
}

// greet sends a greeting and waits for its answer; those to earlier ones are passed over.
func (c *openConnection) greet(deadline time.Time) (string, error) {
	greeting := newGreeting(rand.Uint64())
	if err := c.socket.write(greeting); err != nil {
		return "", err
	}
	var b [answerSize + maxIdentity]byte
	for {
		if identity, ok := c.answer(greeting); ok {
			return identity, nil
		}
		n, err := c.socket.read(b[:], deadline)
		if err != nil {
			return "", err
		}
		if n == 0 {
			return "", io.EOF
		}
		c.unread = append(c.unread, b[:n]...)
		if !bytes.HasPrefix(c.unread, []byte(magic)[:min(len(magic), len(c.unread))]) {
			return "", errNoAgent
		}
	}
}

// answer takes whole answers from what was read, until one is to the greeting.
func (c *openConnection) answer(greeting []byte) (string, bool) {
	for len(c.unread) >= answerSize {
		size := answerSize + int(binary.BigEndian.Uint16(c.unread[greetSize:]))
		if len(c.unread) < size {
			return "", false
		}
		answer := bytes.Clone(c.unread[:size])
		c.unread = append(c.unread[:0], c.unread[size:]...)
		if identity, err := identityIn(answer, greeting); err == nil {
			return identity, true
		}
	}
	return "", false
}
