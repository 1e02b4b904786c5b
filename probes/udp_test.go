//go:build linux

package probes

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// TestLargeDatagrams checks that a padded probe is answered by all that it sent, over
// both families, and that a size which nothing sends is refused.
func TestLargeDatagrams(t *testing.T) {
	c := startAgent(t, "shop/web")
	serve(t, c, Port{KindUDP, 7150})
	for _, address := range []string{"127.0.0.1:7150", "[::1]:7150"} {
		for _, size := range []int{0, greetSize - 1, greetSize, 1472, 9000} {
			p := Probe{Kind: KindUDP, Address: netip.MustParseAddrPort(address), Size: size, Timeouts: []time.Duration{time.Second}}
			results, err := c.Probe(t.Context(), []Probe{p})
			if err != nil {
				t.Fatal(err)
			}
			if r := results[0]; r.Outcome != flow.Connected || r.Peer != "shop/web" {
				t.Errorf("%d bytes to %s: %+v", size, address, r)
			}
		}
	}
	for _, p := range []Probe{{Kind: KindUDP, Size: 9001}, {Kind: KindUDP, Size: -1}, {Kind: KindSCTP, Size: 100}, {Kind: KindTCP, Size: maxStream + 1}} {
		p.Address, p.Timeouts = netip.MustParseAddrPort("127.0.0.1:7150"), []time.Duration{time.Second}
		results, err := c.Probe(t.Context(), []Probe{p})
		if err != nil {
			t.Fatal(err)
		}
		if r := results[0]; r.Outcome != flow.Failed || !strings.Contains(r.Detail, "want at most") {
			t.Errorf("%s of %d bytes: %+v", p.Kind, p.Size, r)
		}
	}
}

// TestPaddingIsChecked checks that a datagram which lost, won or changed a byte on its
// way is neither answered nor taken for an answer.
func TestPaddingIsChecked(t *testing.T) {
	a := &Agent{identity: "a"}
	whole := padded(newGreeting(1), 3000)
	answer := a.answerUDP(whole)
	if identity, err := identityIn(answer, whole); err != nil || identity != "a" || len(answer) <= len(whole) {
		t.Fatalf("%d bytes answered by %d: %q, %v", len(whole), len(answer), identity, err)
	}
	for at := greetSize; at < len(whole); at += 97 {
		bad := bytes.Clone(whole)
		bad[at]++
		if a.answerUDP(bad) != nil {
			t.Errorf("answered a datagram with a wrong byte %d", at)
		}
		if _, err := identityIn(answer, bad); err == nil {
			t.Errorf("took an answer to a datagram that differs in byte %d", at)
		}
		if _, err := identityIn(append(bytes.Clone(answer[:at]), answer[at+1:]...), whole); err == nil {
			t.Errorf("took an answer that lacks byte %d", at)
		}
	}
}
