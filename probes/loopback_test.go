//go:build linux

package probes

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// startAgent runs an agent in this process and returns its control side.
func startAgent(t testing.TB, identity string) *Client {
	t.Helper()
	a, err := NewAgent(identity)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- a.Control(t.Context(), theirs) }()
	c := NewClient(ours)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Errorf("control stream: %v", err)
		}
		a.Close()
	})
	return c
}

func serve(t testing.TB, c *Client, ports ...Port) {
	t.Helper()
	if err := c.Serve(t.Context(), ports); err != nil {
		t.Fatal(err)
	}
}

// probe makes one probe with one attempt.
func probe(t testing.TB, c *Client, kind Kind, address string, timeouts ...time.Duration) Result {
	t.Helper()
	if len(timeouts) == 0 {
		timeouts = []time.Duration{time.Second}
	}
	results, err := c.Probe(t.Context(), []Probe{{Kind: kind, Address: netip.MustParseAddrPort(address), Timeouts: timeouts}})
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

func TestConnected(t *testing.T) {
	c := startAgent(t, "shop/web")
	serve(t, c, Port{KindTCP, 7101}, Port{KindUDP, 7101}, Port{KindSCTP, 7101})
	for _, kind := range []Kind{KindTCP, KindUDP, KindSCTP} {
		for _, to := range []string{"127.0.0.1:7101", "127.8.9.10:7101", "[::1]:7101", "[::ffff:127.0.0.1]:7101"} {
			r := probe(t, c, kind, to)
			if r.Outcome != flow.Connected || r.Peer != "shop/web" || r.Attempts != 1 || r.Took <= 0 || r.Detail != "" {
				t.Errorf("%s to %s: %+v", kind, to, r)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	c := startAgent(t, "shop/web")
	for _, kind := range []Kind{KindTCP, KindUDP, KindSCTP} {
		for _, to := range []string{"127.0.0.1:7102", "[::1]:7102"} {
			r := probe(t, c, kind, to)
			if r.Outcome != flow.Refused || r.Attempts != 1 || r.Detail == "" {
				t.Errorf("%s to %s: %+v", kind, to, r)
			}
		}
	}
}
