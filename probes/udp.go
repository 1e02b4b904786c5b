//go:build linux

package probes

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// udpProtocol greets with datagrams.
func udpProtocol() protocol {
	return protocol{kind: KindUDP, transport: KindUDP, dial: dialUDP, serve: serveUDP}
}

// datagrams is how often a datagram is sent within one attempt.
const datagrams = 3

func dialUDP(try attempt) (string, error) {
	greeting := padded(newGreeting(try.mark), try.size)
	return exchange(try, greeting, func(b []byte) (string, error) { return identityIn(b, greeting) })
}

// exchange sends the request at the beginning, after a third and after two thirds
// of the time-out, all from one port, until a reply parses. A reply that parse
// meets with errNoAgent is passed over.
func exchange(try attempt, request []byte, parse func([]byte) (string, error)) (string, error) {
	s, err := dial(unix.SOCK_DGRAM, try.from, try.to, reuseAddress, allErrors)
	if err != nil {
		return "", err
	}
	defer s.Close()
	buffer := make([]byte, maxDatagram)
	for i := range datagrams {
		if err := s.write(request); err != nil {
			return "", err
		}
		deadline := try.begin.Add(try.timeout * time.Duration(i+1) / datagrams)
		answer, err := awaitDatagram(s, buffer, deadline, parse)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return answer, err
		}
	}
	return "", os.ErrDeadlineExceeded
}

func awaitDatagram(s *socket, buffer []byte, deadline time.Time, parse func([]byte) (string, error)) (string, error) {
	for {
		n, err := s.read(buffer, deadline)
		if err != nil {
			return "", err
		}
		answer, err := parse(buffer[:n])
		if !errors.Is(err, errNoAgent) {
			return answer, err
		}
	}
}

// maxDatagram is the largest datagram that anybody here sends or wants.
const maxDatagram = maxGreeting + 2 + maxIdentity

func serveUDP(a *Agent, port uint16, down func()) (io.Closer, error) {
	l, err := listen(unix.SOCK_DGRAM, port, tellDestination, roomyBuffer)
	if err != nil {
		return nil, err
	}
	go func() {
		defer down()
		var buffer [maxDatagram]byte
		for {
			m, err := l.receive(buffer[:])
			if err != nil && ended(err) {
				return
			}
			if err != nil {
				continue
			}
			if answer := a.answerUDP(m.data); answer != nil {
				l.reply(m, answer)
			}
		}
	}()
	return l, nil
}

// answerUDP is the answer to a datagram, or nil.
func (a *Agent) answerUDP(datagram []byte) []byte {
	if !isPadded(datagram) {
		return nil
	}
	a.heard.note(datagram)
	return answerTo(datagram, a.identity)
}
