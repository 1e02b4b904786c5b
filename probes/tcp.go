//go:build linux

package probes

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// tcpProtocol greets over a new connection.
func tcpProtocol() protocol {
	return protocol{kind: KindTCP, transport: KindTCP, dial: dialTCP, serve: serveTCP}
}

// dialTCP connects within the time-out. Once the connection stands the network
// has let it through, and only the server can be slow: it gets the same time again.
func dialTCP(try attempt) (string, error) {
	s, err := connectTCP(try)
	if err != nil {
		return "", err
	}
	defer s.Close()
	greeting, deadline := newGreeting(try.mark), try.begin.Add(2*try.timeout)
	if try.size > 0 {
		greeting = stream(greeting, try.size)
	}
	if err := s.writeAll(greeting, deadline); err != nil {
		return "", fmt.Errorf("connected, but not all could be sent: %w", err)
	}
	identity, err := readAnswer(s, greeting, deadline)
	if err != nil {
		return "", fmt.Errorf("connected, but no identity came: %w", err)
	}
	return identity, nil
}

func connectTCP(try attempt) (*socket, error) {
	s, err := dial(unix.SOCK_STREAM, try.from, try.to, reuseAddress, closeHard)
	if err != nil {
		return nil, err
	}
	if err := s.awaitConnect(try.begin.Add(try.timeout)); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// readAnswer reads until the answer is whole or cannot become one.
func readAnswer(s *socket, greeting []byte, deadline time.Time) (string, error) {
	b := make([]byte, len(greeting)+2+maxIdentity)
	have := 0
	for {
		n, err := s.read(b[have:], deadline)
		if err != nil {
			return "", err
		}
		if n == 0 {
			return "", io.EOF
		}
		have += n
		if identity, err := identityIn(b[:have], greeting); err == nil {
			return identity, nil
		}
		if have == len(b) || !bytes.HasPrefix(b[:have], greeting[:min(have, len(greeting))]) {
			return "", errNoAgent
		}
	}
}

// greetTime is how long a client of the TCP server may take over its greeting, and
// silence how long one that was answered may take before it greets again.
const (
	greetTime = 10 * time.Second
	silence   = time.Minute
)

func serveTCP(a *Agent, port uint16, down func()) (io.Closer, error) {
	l, err := listen(unix.SOCK_STREAM, port, reuseAddress, closeHard)
	if err != nil {
		return nil, err
	}
	go func() {
		defer down()
		for {
			a.clients.makeRoom()
			fd, err := l.accept()
			if err != nil {
				a.clients.dropStale()
				if ended(err) {
					return
				}
				continue
			}
			if s, err := newSocket(fd); err == nil {
				a.clients.add(s)
				go a.greetTCP(s)
			}
		}
	}()
	return l, nil
}

// greetTCP answers greetings, one after the other, until the client closes.
func (a *Agent) greetTCP(s *socket) {
	defer a.clients.drop(s)
	for patience := greetTime; a.greetOnce(s, time.Now().Add(patience)); patience = silence {
	}
}

// greetOnce returns false when there is nothing more to answer.
func (a *Agent) greetOnce(s *socket, deadline time.Time) bool {
	greeting := readGreeting(s, deadline)
	if greeting == nil {
		return false
	}
	a.heard.note(greeting)
	return s.writeAll(answerTo(greeting, a.identity), deadline) == nil
}

// readGreeting is the next greeting, short or long, or nil.
func readGreeting(s *socket, deadline time.Time) []byte {
	begin := make([]byte, greetSize, streamHead)
	switch {
	case !s.fill(begin, deadline):
		return nil
	case startsStream(begin):
		return restOfStream(s, begin, deadline)
	case isGreeting(begin):
		return begin
	}
	return nil
}

// restOfStream is the whole of a greeting that begins so, or nil.
func restOfStream(s *socket, begin []byte, deadline time.Time) []byte {
	head := begin[:streamHead]
	if !s.fill(head[len(begin):], deadline) {
		return nil
	}
	size, ok := streamSize(head)
	if !ok {
		return nil
	}
	whole := append(make([]byte, 0, size), head...)[:size]
	if !s.fill(whole[streamHead:], deadline) || !paddedFrom(whole, streamHead) {
		return nil
	}
	return whole
}
