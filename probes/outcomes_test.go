//go:build linux

package probes

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cniproof/cniproof/internal/flow"
)

const short = 100 * time.Millisecond

// TestOutcomeOf lists every error whose meaning was thought about.
func TestOutcomeOf(t *testing.T) {
	for outcome, errs := range map[flow.Outcome][]error{
		flow.TimedOut:    {os.ErrDeadlineExceeded, unix.ETIMEDOUT},
		flow.Refused:     {unix.ECONNREFUSED, unix.ENOPROTOOPT, unix.EPROTO},
		flow.Reset:       {unix.ECONNRESET, unix.EPIPE, unix.ECONNABORTED, io.EOF},
		flow.Unreachable: {unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENONET, unix.EACCES, unix.EPERM},
		flow.Failed: {
			unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.EAGAIN, unix.EINVAL, unix.EADDRINUSE,
			unix.EADDRNOTAVAIL, unix.EAFNOSUPPORT, unix.ENETDOWN, unix.EMSGSIZE, unix.EBADF,
			errNoAgent, os.ErrClosed, io.ErrUnexpectedEOF, context.Canceled,
		},
	} {
		for _, err := range errs {
			if got := outcomeOf(fmt.Errorf("somewhere: %w", os.NewSyscallError("connect", err))); got != outcome {
				t.Errorf("%v is %s, want %s", err, got, outcome)
			}
			if got := outcomeOf(fmt.Errorf("somewhere: %w", localf("binding: %w", err))); got != flow.Failed {
				t.Errorf("%v on this side is %s, want %s", err, got, flow.Failed)
			}
		}
	}
}

func TestResetAfterConnect(t *testing.T) {
	c := startAgent(t, "a")
	for name, end := range map[string]func(*net.TCPConn){
		"reset": func(s *net.TCPConn) { _ = s.SetLinger(0); _, _ = s.Read(make([]byte, 1)); _ = s.Close() },
		"end":   func(s *net.TCPConn) { _, _ = s.Read(make([]byte, 100)); _ = s.Close() },
		"half an answer": func(s *net.TCPConn) {
			b := make([]byte, greetSize)
			_, _ = s.Read(b)
			_, _ = s.Write(answerTo(b, "somebody")[:greetSize+4])
			_ = s.Close()
		},
	} {
		r := probe(t, c, KindTCP, listenTCP(t, end))
		if r.Outcome != flow.Reset || r.Detail == "" || r.Attempts != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestSilentServer checks that a server which accepts and then stays silent is
// given the time-out twice, and is tried again.
func TestSilentServer(t *testing.T) {
	c := startAgent(t, "a")
	to := listenTCP(t, func(s *net.TCPConn) { _, _ = s.Read(make([]byte, 100)); _, _ = s.Read(make([]byte, 1)); _ = s.Close() })
	for _, kind := range []Kind{KindTCP, KindDNSTCP} {
		r := probeName(t, c, kind, to, "example.org.", short, short)
		if r.Outcome != flow.TimedOut || r.Attempts != 2 || r.Took < 2*short || r.Begin < 2*short {
			t.Errorf("%s: %+v", kind, r)
		}
	}
}

func TestSilentUDP(t *testing.T) {
	c := startAgent(t, "a")
	var got int
	to, stop := listenUDP(t, func([]byte, net.Addr) [][]byte { got++; return nil })
	r := probe(t, c, KindUDP, to, short, short)
	if r.Outcome != flow.TimedOut || r.Attempts != 2 || r.Took < short || r.Took > 4*short {
		t.Errorf("%+v", r)
	}
	stop()
	if got != 2*datagrams {
		t.Errorf("%d datagrams came, want %d", got, 2*datagrams)
	}
}

// TestWrongAnswers checks that answers to others never count.
func TestWrongAnswers(t *testing.T) {
	c := startAgent(t, "a")
	to, _ := listenUDP(t, func(b []byte, _ net.Addr) [][]byte {
		other := newGreeting(1)
		return [][]byte{nil, {}, []byte("garbage"), b, answerTo(other, "liar"), append(answerTo(b, "truth"), 0), answerTo(b, "truth"), answerTo(b, "late")}
	})
	if r := probe(t, c, KindUDP, to); r.Outcome != flow.Connected || r.Peer != "truth" {
		t.Errorf("UDP: %+v", r)
	}
	to = listenTCP(t, func(s *net.TCPConn) { _, _ = s.Write([]byte("SSH-2.0-OpenSSH")); _, _ = s.Read(make([]byte, 100)) })
	if r := probe(t, c, KindTCP, to); r.Outcome != flow.Failed || r.Attempts != 1 {
		t.Errorf("TCP: %+v", r)
	}
}

// TestTrickle checks that an answer in pieces is read.
func TestTrickle(t *testing.T) {
	c := startAgent(t, "a")
	to := listenTCP(t, func(s *net.TCPConn) {
		b := make([]byte, greetSize)
		_, _ = s.Read(b)
		for _, piece := range answerTo(b, "slow") {
			_, _ = s.Write([]byte{piece})
			time.Sleep(time.Millisecond)
		}
	})
	if r := probe(t, c, KindTCP, to); r.Outcome != flow.Connected || r.Peer != "slow" {
		t.Errorf("%+v", r)
	}
}

func TestSecondAttempt(t *testing.T) {
	c := startAgent(t, "a")
	var got int
	to, _ := listenUDP(t, func(b []byte, _ net.Addr) [][]byte {
		if got++; got <= datagrams {
			return nil
		}
		return [][]byte{answerTo(b, "b")}
	})
	r := probe(t, c, KindUDP, to, short, time.Second)
	if r.Outcome != flow.Connected || r.Attempts != 2 || r.Begin < short || r.Took > short {
		t.Errorf("%+v", r)
	}
}

// TestFailed lists what is the prober's own fault, and never a verdict.
func TestFailed(t *testing.T) {
	c := startAgent(t, "a")
	good := netip.MustParseAddrPort("127.0.0.1:7103")
	second := []time.Duration{time.Second}
	for name, p := range map[string]Probe{
		"no kind":            {Address: good, Timeouts: second},
		"unknown kind":       {Kind: "icmp", Address: good, Timeouts: second},
		"no address":         {Kind: KindTCP, Timeouts: second},
		"no port":            {Kind: KindTCP, Address: netip.AddrPortFrom(good.Addr(), 0), Timeouts: second},
		"any address":        {Kind: KindTCP, Address: netip.MustParseAddrPort("0.0.0.0:80"), Timeouts: second},
		"any IPv6 address":   {Kind: KindUDP, Address: netip.MustParseAddrPort("[::]:80"), Timeouts: second},
		"multicast":          {Kind: KindUDP, Address: netip.MustParseAddrPort("224.0.0.1:80"), Timeouts: second},
		"zone":               {Kind: KindTCP, Address: netip.MustParseAddrPort("[fe80::1%lo]:80"), Timeouts: second},
		"no time-out":        {Kind: KindTCP, Address: good},
		"negative time-out":  {Kind: KindTCP, Address: good, Timeouts: []time.Duration{-1}},
		"time-out too long":  {Kind: KindTCP, Address: good, Timeouts: []time.Duration{time.Hour}},
		"too many time-outs": {Kind: KindTCP, Address: good, Timeouts: make([]time.Duration, 1000)},
		"DNS without name":   {Kind: KindDNSUDP, Address: good, Timeouts: second},
		"DNS with bad name":  {Kind: KindDNSUDP, Address: good, Timeouts: second, Query: strings.Repeat("a", 64) + "."},
	} {
		results, err := c.Probe(t.Context(), []Probe{p})
		if err != nil {
			t.Fatal(err)
		}
		if r := results[0]; r.Outcome != flow.Failed || r.Detail == "" || r.Outcome.Blocked() {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestNoRoute is about a destination that this side's own routes do not reach.
func TestNoRoute(t *testing.T) {
	c := startAgent(t, "a")
	for _, kind := range []Kind{KindTCP, KindUDP, KindSCTP, KindDNSUDP, KindDNSTCP} {
		for _, to := range []string{"192.0.2.1:80", "[2001:db8::1]:80"} {
			if r := probeName(t, c, kind, to, "example.org.", time.Second); r.Outcome != flow.Unreachable {
				t.Errorf("%s to %s: %+v", kind, to, r)
			}
		}
	}
}

// TestFreshPorts checks that no source port comes twice.
func TestFreshPorts(t *testing.T) {
	c := startAgent(t, "a")
	seen := map[string]int{}
	to, stop := listenUDP(t, func(b []byte, from net.Addr) [][]byte {
		seen[from.String()]++
		return [][]byte{answerTo(b, "b")}
	})
	const count = 2000
	batch := make([]Probe, count)
	for i := range batch {
		batch[i] = Probe{Kind: KindUDP, Address: netip.MustParseAddrPort(to), Timeouts: []time.Duration{2 * time.Second}}
	}
	results, err := c.Probe(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Outcome != flow.Connected {
			t.Fatalf("%+v", r)
		}
	}
	stop()
	if len(seen) != count {
		t.Errorf("%d source ports for %d probes", len(seen), count)
	}
}

// probeName makes one probe that may be a DNS query.
func probeName(t testing.TB, c *Client, kind Kind, to, name string, timeouts ...time.Duration) Result {
	t.Helper()
	results, err := c.Probe(t.Context(), []Probe{{Kind: kind, Address: netip.MustParseAddrPort(to), Timeouts: timeouts, Query: name}})
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}
