//go:build linux

package probes

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cniproof/cniproof/internal/flow"
)

// TestEcho checks both families on the loopback, where the kernel permits it, and that
// silence is a time-out.
func TestEcho(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP)
	if err != nil {
		t.Skipf("this kernel permits no ICMP without a privilege: %v", err)
	}
	_ = unix.Close(fd)
	c := startAgent(t, "a")
	for _, address := range []string{"127.0.0.1:1", "[::1]:1"} {
		if r := probe(t, c, KindICMP, address); r.Outcome != flow.Connected || r.Peer != "" {
			t.Errorf("%s: %+v", address, r)
		}
	}
	if r := probe(t, c, KindICMP, "192.0.2.1:1", 50*time.Millisecond); r.Outcome == flow.Connected || strings.Contains(r.Detail, "opening") {
		t.Errorf("nobody's address: %+v", r)
	}
}
