//go:build linux

package probes

import (
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// greet makes one probe over the connection of that name.
func greet(t *testing.T, c *Client, name, address string, timeouts ...time.Duration) Result {
	t.Helper()
	results, err := c.Probe(t.Context(), []Probe{{Kind: KindOpen, Keep: name, Address: netip.MustParseAddrPort(address), Timeouts: timeouts}})
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

// TestOpen checks that an agent greets another again and again over one connection.
func TestOpen(t *testing.T) {
	c := startAgent(t, "shop/web")
	serve(t, c, Port{KindTCP, 7151})
	for range 5 {
		for _, to := range []string{"127.0.0.1:7151", "[::1]:7151"} {
			if r := greet(t, c, to, to, time.Second); r.Outcome != flow.Connected || r.Peer != "shop/web" {
				t.Errorf("%s: %+v", to, r)
			}
		}
	}
}

// TestOpenStands checks that a connection which shall stand is not opened: it tells nothing
// that the agent has none.
func TestOpenStands(t *testing.T) {
	c := startAgent(t, "a")
	serve(t, c, Port{KindTCP, 7153})
	to := netip.MustParseAddrPort("127.0.0.1:7153")
	for i, p := range []struct {
		name   string
		stands bool
		want   flow.Outcome
	}{{"one", true, flow.Failed}, {"one", false, flow.Connected}, {"one", true, flow.Connected}, {"two", true, flow.Failed}} {
		results, err := c.Probe(t.Context(), []Probe{{Kind: KindOpen, Keep: p.name, Stands: p.stands, Address: to, Timeouts: []time.Duration{time.Second}}})
		if err != nil {
			t.Fatal(err)
		}
		if results[0].Outcome != p.want {
			t.Errorf("probe %d: %+v, want %s", i, results[0], p.want)
		}
	}
}

// TestOpenOnce checks that a connection is opened once, that an answer which comes late is
// not taken for another's, and that what has ended stays so.
func TestOpenOnce(t *testing.T) {
	c := startAgent(t, "a")
	var opened, greetings atomic.Int32
	late, end := make(chan bool), make(chan bool)
	to := listenTCP(t, func(s *net.TCPConn) {
		opened.Add(1)
		defer func() { _ = s.Close() }()
		b := make([]byte, greetSize)
		for {
			if _, err := io.ReadFull(s, b); err != nil {
				return
			}
			switch greetings.Add(1) {
			case 2:
				<-late
			case 4:
				<-end
				return
			}
			_, _ = s.Write(answerTo(b, "somebody"))
		}
	})
	steps := []struct {
		before func()
		want   flow.Outcome
	}{
		{func() {}, flow.Connected},
		{func() {}, flow.TimedOut},
		{func() { close(late) }, flow.Connected},
		{func() { close(end) }, flow.Reset},
		{func() {}, flow.Reset},
	}
	for i, step := range steps {
		step.before()
		patience := time.Second
		if step.want == flow.TimedOut {
			patience = short
		}
		if r := greet(t, c, "one", to, patience); r.Outcome != step.want || step.want == flow.Connected && r.Peer != "somebody" {
			t.Errorf("attempt %d: %+v, want %s", i+1, r, step.want)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("the connection was opened %d times", n)
	}
}

// TestOpenRefuses checks that a connection without a name is not opened, and that one
// which never stood may stand later.
func TestOpenRefuses(t *testing.T) {
	c := startAgent(t, "a")
	if r := greet(t, c, "", "127.0.0.1:7152", time.Second); r.Outcome != flow.Failed {
		t.Errorf("without a name: %+v", r)
	}
	if r := greet(t, c, "one", "127.0.0.1:7152", time.Second); r.Outcome != flow.Refused {
		t.Errorf("before anybody listens: %+v", r)
	}
	serve(t, c, Port{KindTCP, 7152})
	if r := greet(t, c, "one", "127.0.0.1:7152", time.Second); r.Outcome != flow.Connected {
		t.Errorf("afterwards: %+v", r)
	}
	to := listenTCP(t, func(s *net.TCPConn) { _, _ = s.Write([]byte("SSH-2.0-OpenSSH")); _, _ = s.Read(make([]byte, 100)) })
	if r := greet(t, c, "two", to, time.Second); r.Outcome != flow.Failed {
		t.Errorf("of no agent: %+v", r)
	}
}
