//go:build linux

package probes

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// status is a field of a file like /proc/PID/status.
func status(t testing.TB, path, field string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no %s in %s", field, path)
	return ""
}

// resident is how many bytes of memory the process has now.
func (p process) resident(t testing.TB) int {
	t.Helper()
	value := status(t, fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), "VmRSS")
	kilobytes, err := strconv.Atoi(strings.TrimSuffix(value, " kB"))
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// load makes count probes from a to b's ports, in batches of 500 over two
// families, and fails unless all connect.
func load(t testing.TB, a process, kind Kind, first uint16, ports, count int) {
	t.Helper()
	for done := 0; done < count; {
		batch := make([]Probe, min(500, count-done))
		for i := range batch {
			to := fmt.Sprintf("10.0.0.2:%d", int(first)+i%ports)
			if i/ports%2 == 1 {
				to = fmt.Sprintf("[fd00::2]:%d", int(first)+i%ports)
			}
			batch[i] = Probe{Kind: kind, Address: netip.MustParseAddrPort(to), Timeouts: []time.Duration{2 * time.Second, 2 * time.Second}}
		}
		begin := time.Now()
		results, err := a.Probe(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		slowest := results[0]
		for _, r := range results {
			if r.Outcome != flow.Connected || r.Peer != "right" {
				t.Fatalf("%+v", r)
			}
			if r.Begin+r.Took > slowest.Begin+slowest.Took {
				slowest = r
			}
		}
		if took := time.Since(begin); took > time.Second {
			t.Logf("a batch of %d took %v, with %+v", len(batch), took, slowest)
		}
		done += len(batch)
	}
}

// TestMemory checks the agent's size: idle, serving, and after a storm of probes.
func TestMemory(t *testing.T) {
	left, right := twoSpaces(t)
	a, b := left.start(t, "left"), right.start(t, "right")
	const most = 10 << 20
	check := func(when string) {
		t.Helper()
		for name, p := range map[string]process{"client": a, "server": b} {
			if _, err := p.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			size := p.resident(t)
			t.Logf("%s, %s: %.1f MB resident", when, name, float64(size)/(1<<20))
			if size > most {
				t.Errorf("%s, %s: %d bytes resident, at most %d wanted", when, name, size, most)
			}
		}
	}
	check("idle")
	serve(t, b.Client, everyKind(80)...)
	check("serving")
	for _, kind := range served() {
		load(t, a, kind, 80, 1, 5000)
		t.Logf("in the storm of %s: %.1f and %.1f MB", kind, float64(a.resident(t))/(1<<20), float64(b.resident(t))/(1<<20))
	}
	time.Sleep(3 * time.Second)
	check("after 15000 probes")
}

// TestPrivileges checks that no thread of the agent keeps a capability, and that
// none can come back.
func TestPrivileges(t *testing.T) {
	s := newSpace(t)
	s.do(t, func() error {
		return os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0)
	})
	p := s.start(t, "a")
	serve(t, p.Client, everyKind(80)...)
	for _, kind := range served() {
		if r := probe(t, p.Client, kind, "127.0.0.1:80"); r.Outcome != flow.Connected {
			t.Errorf("%s: %+v", kind, r)
		}
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.cmd.Process.Pid))
	if err != nil || len(threads) < 2 {
		t.Fatalf("threads %q, %v", threads, err)
	}
	for _, thread := range threads {
		for field, want := range map[string]string{
			"CapEff": "0000000000000000", "CapPrm": "0000000000000000", "CapInh": "0000000000000000", "CapAmb": "0000000000000000", "NoNewPrivs": "1",
		} {
			if got := status(t, thread, field); got != want {
				t.Errorf("%s of %s: %s, want %s", field, thread, got, want)
			}
		}
	}
}

// TestLowPorts checks that ports below 1024 can be served also where the network
// namespace protects them.
func TestLowPorts(t *testing.T) {
	p := newSpace(t).start(t, "a")
	serve(t, p.Client, everyKind(80)...)
	if got, want := status(t, fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), "CapEff"), "0000000000000400"; got != want {
		t.Errorf("capabilities %s, want %s", got, want)
	}
}

// TestFewFiles checks that an agent with few file descriptors is slower, not wrong.
func TestFewFiles(t *testing.T) {
	path, err := agentPath()
	if err != nil {
		t.Fatal(err)
	}
	p := newSpace(t).startCommand(t, exec.Command("sh", "-c", "ulimit -n 64; exec "+path+" --identity a"))
	serve(t, p.Client, everyKind(80)...)
	var batch []Probe
	for range 400 {
		for _, kind := range served() {
			batch = append(batch, Probe{Kind: kind, Address: netip.MustParseAddrPort("127.0.0.1:80"), Timeouts: []time.Duration{time.Second, time.Second}})
		}
	}
	results, err := p.Probe(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Outcome != flow.Connected {
			t.Fatalf("%s: %+v", batch[i].Kind, r)
		}
	}
}
