//go:build linux

package probes

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// sctpProtocol greets in an INIT and is answered in the cookie of the INIT ACK. An
// association never comes to stand, and the kernel's SCTP is not needed.
func sctpProtocol() protocol {
	return protocol{kind: KindSCTP, transport: KindSCTP, dial: dialSCTP, serve: serveSCTP}
}

// rawFamilies are the raw sockets of an agent, shared by both halves. Where one is
// nil, its error says why.
type rawFamilies struct {
	v4, v6     *rawIP
	noV4, noV6 error
}

func openRawFamilies() rawFamilies {
	var f rawFamilies
	f.v4, f.noV4 = openRawIP(unix.AF_INET)
	f.v6, f.noV6 = openRawIP(unix.AF_INET6)
	return f
}

func (f rawFamilies) of(a netip.Addr) (*rawIP, error) {
	if a.Is4() {
		return f.v4, f.noV4
	}
	return f.v6, f.noV6
}

func (f rawFamilies) open() []*rawIP {
	var open []*rawIP
	for _, r := range []*rawIP{f.v4, f.v6} {
		if r != nil {
			open = append(open, r)
		}
	}
	return open
}

// lateness is how long an attempt waits beyond its time-out for a packet that this
// process has received but not yet looked at.
const lateness = 5 * time.Millisecond

// dialSCTP sends the INIT as often as a UDP probe sends its datagram.
//
// An ABORT does not decide before the time-out: beside the agent, the server's
// kernel may answer too, and it knows nothing of the agent's ports.
func dialSCTP(try attempt) (string, error) {
	raw, err := try.agent.raw.of(try.to.Addr())
	if err != nil {
		return "", err
	}
	flow := rawFlow{try.to, try.from}
	events := raw.expect(flow)
	defer raw.forget(flow)
	a := association{raw: raw, try: try, greeting: newGreeting(try.mark), events: events}
	packet := newInit(try.from, try.to.Port(), a.greeting)
	for i := range datagrams {
		if err := raw.send(packet, try.to.Addr(), nil); err != nil {
			return "", err
		}
		wait := time.Until(try.begin.Add(try.timeout * time.Duration(i+1) / datagrams))
		if i == datagrams-1 {
			wait += lateness
		}
		if identity, err := a.await(wait); !errors.Is(err, os.ErrDeadlineExceeded) {
			return identity, err
		}
	}
	if a.aborted {
		return "", fmt.Errorf("an ABORT came back: %w", unix.ECONNREFUSED)
	}
	return "", os.ErrDeadlineExceeded
}

// association is the client's half of one attempt.
type association struct {
	raw      *rawIP
	try      attempt
	greeting []byte
	events   <-chan rawEvent
	aborted  bool
}

// await waits for what decides the attempt.
func (a *association) await(wait time.Duration) (string, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case e := <-a.events:
			if e.err != nil {
				return "", e.err
			}
			if identity, ok := a.read(e.packet); ok {
				return identity, nil
			}
		case <-timer.C:
			return "", os.ErrDeadlineExceeded
		}
	}
}

// read takes the identity from an INIT ACK and then ends the association, so that
// connection tracking forgets it.
func (a *association) read(p sctpPacket) (string, bool) {
	if p.tag != tagOf(a.greeting) {
		return "", false
	}
	if p.chunk == chunkAbort {
		a.aborted = true
		return "", false
	}
	identity, err := identityIn(p.payload, a.greeting)
	if p.chunk != chunkInitAck || err != nil {
		return "", false
	}
	_ = a.raw.send(abortTo(p), a.try.to.Addr(), nil)
	return identity, true
}

// servedSCTP marks a port as served: the agent's receivers look at the marks.
type servedSCTP struct{}

func (servedSCTP) Close() error { return nil }

func serveSCTP(a *Agent, _ uint16, _ func()) (io.Closer, error) {
	if len(a.raw.open()) == 0 {
		return nil, a.raw.noV4
	}
	return servedSCTP{}, nil
}

// receiveSCTP is both halves' receiver.
func (a *Agent) receiveSCTP(raw *rawIP) {
	raw.receive(func(data []byte, from netip.Addr, back []byte) {
		p, ok := parseSCTP(data)
		if !ok {
			return
		}
		if answer := a.answerSCTP(p); answer != nil {
			_ = raw.send(answer, from, back)
			return
		}
		p.payload = append([]byte(nil), p.payload...)
		raw.deliver(rawFlow{netip.AddrPortFrom(from, p.from), p.to}, rawEvent{packet: p})
	})
}

// answerSCTP is the server's answer to a packet, or nil. Only an INIT with a
// greeting gets one: in a host's network namespace there may be SCTP traffic that
// is not ours.
func (a *Agent) answerSCTP(p sctpPacket) []byte {
	if p.chunk != chunkInit || !isGreeting(p.payload) {
		return nil
	}
	if !a.serving.serves(Port{KindSCTP, p.to}) {
		return abortTo(p)
	}
	return initAckTo(p, a.identity)
}
