//go:build linux

package probes

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// A batch that is made more than once begins again and again, whether earlier probes still
// wait or not, and its results say which is which.
func TestBatchIsRepeated(t *testing.T) {
	c := startAgent(t, "shop/web")
	serve(t, c, Port{KindTCP, 7131})
	silent, _ := listenUDP(t, func([]byte, net.Addr) [][]byte { return nil })
	const times, every = 4, 20 * time.Millisecond
	batch := Batch{Times: times, Every: every, Probes: []Probe{
		{Kind: KindTCP, Address: netip.MustParseAddrPort("127.0.0.1:7131"), Timeouts: []time.Duration{time.Minute}},
		{Kind: KindUDP, Address: netip.MustParseAddrPort(silent), Timeouts: []time.Duration{10 * every}},
	}}
	results, err := c.Run(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 2*times {
		t.Fatalf("%d results", len(results))
	}
	for n, want := range []flow.Outcome{flow.Connected, flow.TimedOut} {
		for k := range times {
			if r := results[2*k+n]; r.Outcome != want || r.Begin < time.Duration(k)*every {
				t.Errorf("probe %d, time %d: %+v", n, k, r)
			}
		}
	}
	if first, last := results[1], results[2*times-1]; last.Begin >= first.Begin+first.Took {
		t.Errorf("the last probe waited for the first: %+v, %+v", first, last)
	}
}

func TestBatchesTooOften(t *testing.T) {
	c := startAgent(t, "shop/web")
	probes := []Probe{{Kind: KindTCP, Address: netip.MustParseAddrPort("127.0.0.1:7132"), Timeouts: []time.Duration{time.Second}}}
	for want, batch := range map[string]Batch{
		"want at most 1000": {Times: maxTimes + 1, Probes: probes},
		"want at most 1m0s": {Times: 2, Every: maxEvery + 1, Probes: probes},
	} {
		if _, err := c.Run(t.Context(), batch); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// Several servers are dialled from one port that is given, at once and time and again.
func TestDialledFromOnePort(t *testing.T) {
	c := startAgent(t, "shop/web")
	var probes []Probe
	from := make(chan netip.AddrPort, 100)
	for range 2 {
		to, _ := listenUDP(t, func(greeting []byte, a net.Addr) [][]byte {
			from <- netip.MustParseAddrPort(a.String())
			return [][]byte{answerTo(greeting, "shop/db")}
		})
		probes = append(probes, Probe{Kind: KindUDP, Address: netip.MustParseAddrPort(to), From: 53, Timeouts: []time.Duration{time.Minute}})
	}
	for range 3 {
		results, err := c.Probe(t.Context(), probes)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Outcome != flow.Connected || r.Peer != "shop/db" {
				t.Errorf("%+v", r)
			}
		}
	}
	for range len(from) {
		if a := <-from; a.Port() != 53 {
			t.Errorf("dialled from %s", a)
		}
	}
}

func TestNotDialledFromOnePort(t *testing.T) {
	c := startAgent(t, "shop/web")
	for _, kind := range []Kind{KindSCTP, KindDNSUDP, KindICMP} {
		p := Probe{Kind: kind, Address: netip.MustParseAddrPort("127.0.0.1:7133"), From: 53, Timeouts: []time.Duration{time.Second}}
		results, err := c.Probe(t.Context(), []Probe{p})
		if err != nil {
			t.Fatal(err)
		}
		if r := results[0]; r.Outcome != flow.Failed || !strings.Contains(r.Detail, "only TCP and UDP") {
			t.Errorf("%s: %+v", kind, r)
		}
	}
}
