//go:build linux

package probes

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cniproof/cniproof/internal/flow"
)

// clock is a time that the test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func keyOf(n int) portKey {
	return portKey{transport: KindUDP, address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 53)}
}

// TestPortsProperty checks, for any pace, that no port comes back to a server
// before it has rested, and that running out is an error.
func TestPortsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &clock{time.Now()}
		s := newSourcePorts(c.Now)
		hold := time.Duration(rapid.IntRange(1, 5000).Draw(t, "hold")) * time.Millisecond
		var released [1 << 16]time.Duration // since the beginning
		begin := c.now
		for range rapid.IntRange(1, 5).Draw(t, "bursts") {
			for range rapid.IntRange(0, portCount/2).Draw(t, "burst") {
				port, err := s.take(keyOf(0), "", hold)
				if err != nil {
					break
				}
				if port < firstPort || port > lastPort {
					t.Fatalf("port %d", port)
				}
				now := c.now.Sub(begin)
				if until := released[port]; until != 0 && now-until < quiet {
					t.Fatalf("port %d is back %v after its use", port, now-until)
				}
				released[port] = now + hold
			}
			c.now = c.now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "pause")) * time.Second)
		}
	})
}

func TestPortsRunOut(t *testing.T) {
	c := &clock{time.Now()}
	s := newSourcePorts(c.Now)
	taken := 0
	var err error
	for ; err == nil; taken++ {
		_, err = s.take(keyOf(0), "", time.Second)
	}
	if outcomeOf(err) != flow.Failed || !strings.Contains(err.Error(), "source ports exhausted") {
		t.Errorf("error %v", err)
	}
	if taken < portCount-2*blockSize {
		t.Errorf("only %d of %d ports were dealt out", taken, portCount)
	}
	if _, err := s.take(keyOf(1), "", time.Second); err != nil {
		t.Errorf("another server: %v", err)
	}
	c.now = c.now.Add(quiet + 2*time.Second)
	if _, err := s.take(keyOf(0), "", time.Second); err != nil {
		t.Errorf("after the rest: %v", err)
	}
}

func TestReservedPorts(t *testing.T) {
	s := newSourcePorts(time.Now)
	s.reserve(Port{KindUDP, 20000})
	s.reserve(Port{KindTCP, 20001})
	seen := map[uint16]bool{}
	for {
		port, err := s.take(keyOf(0), "", time.Second)
		if err != nil {
			break
		}
		seen[port] = true
	}
	if seen[20000] {
		t.Error("a served port was dealt out")
	}
	if !seen[20001] && len(seen) > portCount-blockSize {
		t.Error("a port that another transport serves was not dealt out")
	}
}

// TestPortsMemory checks that servers which are not probed any more are forgotten,
// and that their number is bounded.
func TestPortsMemory(t *testing.T) {
	c := &clock{time.Now()}
	s := newSourcePorts(c.Now)
	for n := range maxServers {
		if _, err := s.take(keyOf(n), "", time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.take(keyOf(maxServers), "", time.Second); err == nil {
		t.Error("the number of servers is not bounded")
	}
	if _, err := s.take(keyOf(0), "", time.Second); err != nil {
		t.Errorf("a server that is known: %v", err)
	}
	c.now = c.now.Add(quiet + 2*time.Second)
	if _, err := s.take(keyOf(maxServers), "", time.Second); err != nil {
		t.Error(err)
	}
	if n := len(s.sequences); n != 1 {
		t.Errorf("%d servers are remembered, want 1", n)
	}
}

// TestServerSharesPorts checks that two addresses of one server never see the
// same source port, whatever the numbers there.
func TestServerSharesPorts(t *testing.T) {
	c := startAgent(t, "a")
	serve(t, c, Port{KindUDP, 7300}, Port{KindUDP, 7301})
	var batch []Probe
	for i := range 200 {
		batch = append(batch, Probe{
			Kind: KindUDP, Server: "shop/web", Timeouts: []time.Duration{time.Second},
			Address: netip.MustParseAddrPort(fmt.Sprintf("127.0.0.%d:%d", 1+i%2, 7300+i%2)),
		})
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
}

// TestKeptPorts checks that a port stays with its name, that nobody else gets it, and
// that another is drawn when it is dropped.
func TestKeptPorts(t *testing.T) {
	s := newSourcePorts(time.Now)
	take := func(server int, name string) uint16 {
		t.Helper()
		port, err := s.take(keyOf(server), name, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	kept := take(0, "one")
	for range 100 {
		if again := take(0, "one"); again != kept {
			t.Fatalf("port %d, and then %d", kept, again)
		}
		if other := take(0, ""); other == kept {
			t.Fatalf("port %d is kept, and dealt out", kept)
		}
	}
	if other := take(0, "two"); other == kept {
		t.Errorf("two names have port %d", kept)
	}
	s.drop(keyOf(0), "one")
	if again := take(0, "one"); again == kept {
		t.Errorf("port %d was dropped, and is back at once", kept)
	}
	s.drop(keyOf(1), "of a server that nobody has dialled")
}
