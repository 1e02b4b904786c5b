package existing

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/agentbin"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

// newAgent is a relay to a real agent on this host.
func newAgent(t *testing.T) *relay {
	t.Helper()
	path, err := agentbin.Path(t.Context(), runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	r := newRelay(fmt.Sprintf("exec %q --identity external/1", path))
	t.Cleanup(r.close)
	return r
}

func (r *relay) client(t *testing.T) *probes.Client {
	t.Helper()
	stream, err := r.attach(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := probes.NewClient(stream)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestStreamsShareOneAgent checks that what one stream has asked for is there for the
// others, after its end too, and that answers find whoever asked.
func TestStreamsShareOneAgent(t *testing.T) {
	r := newAgent(t)
	first := r.client(t)
	port := probes.Port{Kind: probes.KindTCP, Number: 7943}
	if err := first.Serve(t.Context(), []probes.Port{port}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	var group sync.WaitGroup
	for n := range 20 {
		c := r.client(t)
		group.Go(func() {
			list := make([]probes.Probe, n+1)
			for i := range list {
				list[i] = probes.Probe{Kind: probes.KindTCP, Address: netip.MustParseAddrPort("127.0.0.1:7943"), Timeouts: []time.Duration{5 * time.Second}}
			}
			results, err := c.Probe(t.Context(), list)
			if err != nil || len(results) != len(list) {
				t.Errorf("%d results for %d probes, %v", len(results), len(list), err)
				return
			}
			if results[n].Outcome != flow.Connected || results[n].Peer != "external/1" {
				t.Errorf("%+v", results[n])
			}
		})
	}
	group.Wait()
}

// TestACutLinkIsMadeAgain ends the agent behind the streams' back.
func TestACutLinkIsMadeAgain(t *testing.T) {
	r := newAgent(t)
	before := r.client(t)
	if err := syscall.Kill(-r.link.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := before.Ping(t.Context()); err == nil {
		t.Error("an agent that is gone answers")
	}
	if pong, err := r.client(t).Ping(t.Context()); err != nil || pong.Identity != "external/1" {
		t.Errorf("after it was started again: %+v, %v", pong, err)
	}
	r.close()
	if _, err := r.attach(t.Context()); err == nil {
		t.Error("a closed relay attaches")
	}
}

// TestCommandsThatAreNoAgents checks what a user who mistypes gets to read, and when.
func TestCommandsThatAreNoAgents(t *testing.T) {
	for command, want := range map[string]string{
		"echo no such host >&2; exit 255": "no such host",
		"exit 3":                          "exit status 3",
		"echo Welcome to lab1":            "frame",
		"cat >/dev/null":                  "does not answer",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		r := newRelay(command)
		_, err := r.attach(ctx)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), command) {
			t.Errorf("%q: %v, want %q", command, err, want)
		}
		r.close()
		cancel()
	}
}
