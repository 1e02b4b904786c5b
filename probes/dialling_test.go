//go:build linux

package probes

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// TestDial has an agent dial a server that begins to listen some time later.
func TestDial(t *testing.T) {
	c := startAgent(t, "a")
	target := Probe{Kind: KindTCP, Address: netip.MustParseAddrPort("127.0.0.1:7231"), Server: "a 7231"}
	if err := c.Dial(t.Context(), Dial{Name: "x", Targets: []Probe{target}, Every: 2 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	until := func(enough func([]Stretch) bool) []Stretch {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
			record, err := c.Dialled(t.Context(), Dialled{Name: "x"})
			if err != nil {
				t.Fatal(err)
			}
			if len(record.Targets) == 1 && enough(record.Targets[0]) {
				return record.Targets[0]
			}
			if time.Now().After(end) {
				t.Fatalf("after 10 s: %+v", record)
			}
		}
	}
	until(func(list []Stretch) bool {
		return len(list) == 1 && list[0].Outcome == flow.Refused && list[0].Count > 5
	})
	serve(t, c, Port{KindTCP, 7231})
	list := until(func(list []Stretch) bool { return len(list) == 2 && list[1].Count >= enough })
	if shut, open := list[0], list[1]; open.Outcome != flow.Connected || open.Peer != "a" || open.First <= shut.Last || open.Last <= open.First {
		t.Errorf("%+v", list)
	}
	before := until(func([]Stretch) bool { return true })[1].Count
	time.Sleep(50 * time.Millisecond)
	if after := until(func([]Stretch) bool { return true })[1].Count; after > before+enough {
		t.Errorf("it goes on after %d connections: %d", before, after)
	}
}

func TestDialRefuses(t *testing.T) {
	c := startAgent(t, "a")
	for _, d := range []Dial{
		{Name: "x", Every: time.Microsecond},
		{Name: "x", Every: time.Second, Targets: []Probe{{Kind: "frob", Address: netip.MustParseAddrPort("127.0.0.1:1")}}},
		{Name: "x", Every: time.Second, Targets: []Probe{{Kind: KindTCP}}},
	} {
		if err := c.Dial(t.Context(), d); err == nil {
			t.Errorf("%+v was taken", d)
		}
	}
	if _, err := c.Dialled(t.Context(), Dialled{Name: "x"}); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("of what was never dialled: %v", err)
	}
}

// TestLastWords writes as much as a pod may dial, and reads it again.
func TestLastWords(t *testing.T) {
	record := &DialRecord{Age: time.Second}
	for i := range 48 {
		record.Targets = append(record.Targets, []Stretch{
			{Outcome: flow.TimedOut, Count: i, First: time.Duration(i) * 1234567, Last: time.Duration(i) * 7654321, Took: 100123456},
			{Outcome: flow.Connected, Count: 50 + i, Peer: "cniproof-123456-1001-x/server/0f5b7e0e-4a3b-4c9d-8f43-0123456789ab", First: 998877665 - time.Duration(i)*1111, Last: 1998877665},
			{Outcome: flow.TimedOut, Count: 3, First: 1998877665 + time.Duration(i)*337, Last: 2998877665, Took: 100654321 + time.Duration(i)},
		})
	}
	words, err := LastWords(record)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadLastWords(string(words))
	if err != nil || len(again.Targets) != 48 || again.Targets[47][1] != record.Targets[47][1] {
		t.Errorf("%d bytes came back as %+v, %v", len(words), again, err)
	}
	for _, bad := range []string{"", "x", string(words[:len(words)/2])} {
		if _, err := ReadLastWords(bad); err == nil {
			t.Errorf("%.20q was read", bad)
		}
	}
}
