//go:build linux

package probes

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/flow"
)

// TestPingWhileProbing checks that a batch under way blocks nothing.
func TestPingWhileProbing(t *testing.T) {
	c := startAgent(t, "a")
	silent, _ := listenUDP(t, func([]byte, net.Addr) [][]byte { return nil })
	var group sync.WaitGroup
	group.Go(func() {
		if r := probe(t, c, KindUDP, silent, time.Second); r.Outcome != flow.TimedOut {
			t.Errorf("%+v", r)
		}
	})
	begin := time.Now()
	for range 20 {
		pong, err := c.Ping(t.Context())
		if err != nil || pong.Identity != "a" {
			t.Fatalf("ping: %+v, %v", pong, err)
		}
	}
	if took := time.Since(begin); took > 500*time.Millisecond {
		t.Errorf("20 pings took %v", took)
	}
	group.Wait()
}

// TestHeard asks a server for what has come, among marks that have not.
func TestHeard(t *testing.T) {
	var h heard
	for mark := range uint64(3 * heardAtMost) {
		h.note(newGreeting(mark))
	}
	first, last := uint64(0), uint64(3*heardAtMost-1)
	if got := h.of([]uint64{first, last - heardAtMost, last, last + 1}); !slices.Equal(got, []uint64{last - heardAtMost, last}) {
		t.Errorf("heard %v, want the last two of those that came", got)
	}
	if n := len(h.young) + len(h.old); n > 2*heardAtMost {
		t.Errorf("%d marks are kept", n)
	}
}

// TestMarks checks that a probe without an answer says by what its server would know it,
// and that a server knows it.
func TestMarks(t *testing.T) {
	c := startAgent(t, "a")
	var marks []uint64
	deaf, stop := listenUDP(t, func(b []byte, _ net.Addr) [][]byte {
		marks = append(marks, markIn(b))
		return nil
	})
	lost := probe(t, c, KindUDP, deaf, 100*time.Millisecond, 100*time.Millisecond)
	stop()
	if lost.Mark == 0 || len(marks) < 2 || slices.ContainsFunc(marks, func(m uint64) bool { return m != lost.Mark }) {
		t.Errorf("the probe says %d, and these came: %v", lost.Mark, marks)
	}
	if err := c.Serve(t.Context(), []Port{{KindUDP, 7210}, {KindTCP, 7210}}); err != nil {
		t.Fatal(err)
	}
	if r := probe(t, c, KindUDP, "127.0.0.1:7210"); r.Outcome != flow.Connected || r.Mark != 0 {
		t.Errorf("an answered probe: %+v", r)
	}
	for n, network := range []string{"udp", "tcp"} {
		s, err := net.Dial(network, "127.0.0.1:7210")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		mark := uint64(n + 1)
		if _, err := s.Write(newGreeting(mark)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(make([]byte, 100)); err != nil { // by then it has been heard
			t.Fatal(err)
		}
		pong, err := c.PingPast(t.Context(), Ping{Heard: []uint64{lost.Mark, mark}})
		if err != nil || !slices.Equal(pong.Heard, []uint64{mark}) {
			t.Errorf("over %s: heard %v (%v), want %d alone", network, pong.Heard, err, mark)
		}
	}
}

func TestServing(t *testing.T) {
	c := startAgent(t, "a")
	ports := []Port{{KindUDP, 7200}, {KindTCP, 7201}, {KindSCTP, 7200}, {KindTCP, 7200}}
	serve(t, c, ports...)
	serve(t, c, ports[:2]...) // again
	serve(t, c, Port{KindUDP, 7199})
	pong, err := c.Ping(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Port{{KindSCTP, 7200}, {KindTCP, 7200}, {KindTCP, 7201}, {KindUDP, 7199}, {KindUDP, 7200}}
	if diff := cmp.Diff(want, pong.Serving); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestServingFails checks that the other ports come up, and that the error names
// those that do not.
func TestServingFails(t *testing.T) {
	c := startAgent(t, "a")
	taken, err := net.Listen("tcp", ":7202")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = c.Serve(t.Context(), []Port{{KindTCP, 7202}, {KindDNSUDP, 53}, {"icmp", 1}, {KindUDP, 0}, {KindTCP, 7203}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"tcp port 7202", "dns-udp port 53", "icmp port 1", "udp port 0"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "7203") {
		t.Errorf("%q names a port that is up", err)
	}
	if r := probe(t, c, KindTCP, "127.0.0.1:7203"); r.Outcome != flow.Connected {
		t.Errorf("%+v", r)
	}
}

// TestServeSourcePort checks that a number which a probe uses as its source port
// can be served once the probe has ended.
func TestServeSourcePort(t *testing.T) {
	c := startAgent(t, "a")
	from := make(chan netip.AddrPort, datagrams)
	silent, _ := listenUDP(t, func(_ []byte, a net.Addr) [][]byte {
		from <- netip.MustParseAddrPort(a.String())
		return nil
	})
	go func() {
		_, _ = c.Probe(t.Context(), []Probe{{Kind: KindUDP, Address: netip.MustParseAddrPort(silent), Timeouts: []time.Duration{500 * time.Millisecond}}})
	}()
	number := (<-from).Port()
	serve(t, c, Port{KindUDP, number})
}

// TestStreamsShareAgent checks that what is served outlives the stream.
func TestStreamsShareAgent(t *testing.T) {
	a, err := NewAgent("a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for round := range 3 {
		ours, theirs := net.Pipe()
		go func() { _ = a.Control(t.Context(), theirs) }()
		c := NewClient(ours)
		if round == 0 {
			serve(t, c, Port{KindTCP, 7204})
		}
		if r := probe(t, c, KindTCP, "127.0.0.1:7204"); r.Outcome != flow.Connected {
			t.Errorf("stream %d: %+v", round, r)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestBadRequests(t *testing.T) {
	a, err := NewAgent("a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, body := range []string{`{"id":5}`, `{"id":5,"ping":{},"serve":{}}`, `{"id":5,"batch":{},"ping":{}}`, `{"id":5,"end":{},"ping":{}}`} {
		ours, theirs := net.Pipe()
		go func() { _ = a.Control(t.Context(), theirs) }()
		go func() { _, _ = ours.Write(frame(body)) }()
		var r Response
		if err := ReadFrame(ours, &r); err != nil || r.ID != 5 || r.Error == "" {
			t.Errorf("%s: %+v, %v", body, r, err)
		}
		_ = ours.Close()
	}
}

func TestControlEnds(t *testing.T) {
	a, err := NewAgent("a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for stream, clean := range map[string]bool{
		"":                  true,
		"\x00\x00":          false,
		"garbage and more":  false,
		"\x00\x00\x00\x02{": false,
	} {
		err := a.Control(t.Context(), struct {
			io.Reader
			io.Writer
		}{strings.NewReader(stream), io.Discard})
		if (err == nil) != clean {
			t.Errorf("%q: error %v", stream, err)
		}
	}
}

// TestTooManyRequests checks that a flood is refused, not queued without end.
func TestTooManyRequests(t *testing.T) {
	c := startAgent(t, "a")
	silent, _ := listenUDP(t, func([]byte, net.Addr) [][]byte { return nil })
	p := []Probe{{Kind: KindUDP, Address: netip.MustParseAddrPort(silent), Timeouts: []time.Duration{500 * time.Millisecond}}}
	var mu sync.Mutex
	var refused int
	var group sync.WaitGroup
	for range maxRequests + 10 {
		group.Go(func() {
			if _, err := c.Probe(t.Context(), p); err != nil {
				mu.Lock()
				refused++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if refused != 10 {
		t.Errorf("%d refused, want 10", refused)
	}
}

func TestIdentity(t *testing.T) {
	for _, identity := range []string{"", strings.Repeat("x", maxIdentity+1)} {
		if _, err := NewAgent(identity); err == nil {
			t.Errorf("an identity of %d bytes was taken", len(identity))
		}
	}
	longest := strings.Repeat("x", maxIdentity)
	c := startAgent(t, longest)
	serve(t, c, everyKind(7205)...)
	for _, kind := range served() {
		if r := probe(t, c, kind, "127.0.0.1:7205"); r.Peer != longest {
			t.Errorf("%s: %+v", kind, r)
		}
	}
}

// TestOrder checks that results come in the order of the probes, all different.
func TestOrder(t *testing.T) {
	c := startAgent(t, "a")
	serve(t, c, Port{KindTCP, 7206})
	var batch []Probe
	for i := range 600 {
		to := "127.0.0.1:7206"
		if i%3 == 1 {
			to = "127.0.0.1:7207"
		}
		batch = append(batch, Probe{Kind: KindTCP, Address: netip.MustParseAddrPort(to), Timeouts: []time.Duration{time.Second}})
	}
	results, err := c.Probe(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if (r.Outcome == flow.Refused) != (i%3 == 1) || (r.Outcome == flow.Connected) != (i%3 != 1) {
			t.Fatalf("result %d: %+v", i, r)
		}
	}
}

func TestGreetings(t *testing.T) {
	g := newGreeting(1)
	if !isGreeting(g) || bytes.Equal(g, newGreeting(1)) {
		t.Errorf("greetings %q", g)
	}
	answer := answerTo(g, "me")
	for n := range answer {
		if _, err := identityIn(answer[:n], g); err == nil {
			t.Errorf("the first %d bytes of an answer were taken", n)
		}
	}
	if identity, err := identityIn(answer, g); err != nil || identity != "me" {
		t.Errorf("%q, %v", identity, err)
	}
}
