//go:build linux

package probes

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// TestStreams checks that a probe of many bytes is answered by all that it sent, over both
// families, also when many are under way.
func TestStreams(t *testing.T) {
	c := startAgent(t, "shop/web")
	serve(t, c, Port{KindTCP, 7160})
	var all []Probe
	for _, address := range []string{"127.0.0.1:7160", "[::1]:7160"} {
		for _, size := range []int{0, 1, streamHead, 1500, 65_536, maxStream} {
			p := Probe{Kind: KindTCP, Address: netip.MustParseAddrPort(address), Size: size, Timeouts: []time.Duration{5 * time.Second}}
			all = append(all, p, p, p, p)
		}
	}
	results, err := c.Probe(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Outcome != flow.Connected || r.Peer != "shop/web" {
			t.Errorf("%d bytes to %s: %+v", all[i].Size, all[i].Address, r)
		}
	}
}

// TestStreamsAreChecked checks that one which lost, won or changed a byte on its way is not
// answered, and that a head which promises too much is no reason to wait for it.
func TestStreamsAreChecked(t *testing.T) {
	c := startAgent(t, "shop/web")
	serve(t, c, Port{KindTCP, 7161})
	whole := stream(newGreeting(1), 3000)
	changed := func(at int, by byte) []byte {
		b := append([]byte(nil), whole...)
		b[at] += by
		return b
	}
	for what, sent := range map[string][]byte{
		"another byte":        changed(2000, 1),
		"a byte less":         append(changed(0, 0)[:1500], whole[1501:]...),
		"too many":            changed(greetSize+1, 2), // 131 kB more
		"fewer than its head": append(changed(0, 0)[:greetSize], 0, 0, 0, 9),
		"another magic":       changed(3, 1),
	} {
		if answer := exchanged(t, "127.0.0.1:7161", sent); len(answer) > 0 {
			t.Errorf("%s: answered by %d bytes", what, len(answer))
		}
	}
	answer := exchanged(t, "127.0.0.1:7161", whole)
	if identity, err := identityIn(answer, whole); err != nil || identity != "shop/web" {
		t.Errorf("%d bytes answered by %d: %q, %v", len(whole), len(answer), identity, err)
	}
	changedAnswer := append([]byte(nil), answer...)
	changedAnswer[1000]++
	if _, err := identityIn(changedAnswer, whole); err == nil {
		t.Error("took an answer with a wrong byte")
	}
}

// exchanged is what a server answers to these bytes and no more.
func exchanged(t *testing.T, address string, sent []byte) []byte {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(sent); err != nil {
		t.Fatal(fmt.Errorf("writing: %w", err))
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return nil
	}
	answer, _ := io.ReadAll(c) // an end by a reset is one
	return answer
}
