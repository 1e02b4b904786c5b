//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

// binary is the built agent.
var binary string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "cniproof-agent-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(folder, "agent")
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the agent: %v\n%s", err, output)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// running is an agent, or a copy of it that connects to one.
type running struct {
	*probes.Client
	cmd    *exec.Cmd
	in     io.Closer
	stderr *bytes.Buffer
}

func start(t *testing.T, environment []string, args ...string) running {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), environment...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	client := probes.NewClient(struct {
		io.Reader
		io.WriteCloser
	}{out, in})
	return running{client, cmd, in, stderr}
}

// end waits until the process has ended by itself.
func (r running) end(t *testing.T) error {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- r.cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(5 * time.Second):
		t.Fatal("the agent does not end")
		return nil
	}
}

func (r running) identity(t *testing.T) string {
	t.Helper()
	pong, err := r.Ping(t.Context())
	if err != nil {
		t.Fatalf("%v; stderr: %s", err, r.stderr)
	}
	return pong.Identity
}

func TestStdio(t *testing.T) {
	r := start(t, []string{"CNIPROOF_IDENTITY=shop/web"})
	if got := r.identity(t); got != "shop/web" {
		t.Errorf("identity %q", got)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.end(t); err != nil || r.stderr.Len() > 0 {
		t.Errorf("at the end of stdin: %v, stderr %q", err, r.stderr)
	}
}

// TestStdioEndsAtOnce checks that the agent does not wait for its probes when its
// parent is gone.
func TestStdioEndsAtOnce(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	r := start(t, nil, "--identity", "a")
	go func() {
		_, _ = r.Probe(t.Context(), []probes.Probe{{
			Kind: probes.KindUDP, Address: netip.MustParseAddrPort(silent.LocalAddr().String()), Timeouts: []time.Duration{time.Minute},
		}})
	}()
	if _, _, err := silent.ReadFrom(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if err := r.in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.end(t); err != nil {
		t.Error(err)
	}
}

func TestSignal(t *testing.T) {
	for _, control := range []string{"stdio", "socket"} {
		for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
			r := start(t, nil, "--identity", "a", "--control", control, "--socket", "cniproof-test-signal")
			awaitReady(t, r, control, "cniproof-test-signal")
			if err := r.cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			if err := r.end(t); err != nil {
				t.Errorf("%s, %v: %v", control, s, err)
			}
		}
	}
}

func awaitReady(t *testing.T, r running, control, socket string) {
	t.Helper()
	if control == "stdio" {
		r.identity(t)
		return
	}
	for begin := time.Now(); time.Since(begin) < 5*time.Second; time.Sleep(time.Millisecond) {
		if c, err := net.Dial("unix", "@"+socket); err == nil {
			_ = c.Close()
			return
		}
	}
	t.Fatalf("nobody listens on %s; stderr: %s", socket, r.stderr)
}

// TestSocket checks that streams come and go, that what is served stays, and that
// several streams at once are no trouble.
func TestSocket(t *testing.T) {
	const socket = "cniproof-test-socket"
	agent := start(t, nil, "--identity", "shop/web", "--control", "socket", "--socket", socket)
	awaitReady(t, agent, "socket", socket)
	port := probes.Port{Kind: probes.KindTCP, Number: 7901}
	for round := range 3 {
		first := start(t, nil, "connect", "--socket", socket)
		second := start(t, nil, "connect", "--socket", socket)
		if round == 0 {
			if err := first.Serve(t.Context(), []probes.Port{port}); err != nil {
				t.Fatal(err)
			}
		}
		if got := first.identity(t) + second.identity(t); got != "shop/webshop/web" {
			t.Errorf("identities %q", got)
		}
		results, err := second.Probe(t.Context(), []probes.Probe{{
			Kind: probes.KindTCP, Address: netip.MustParseAddrPort("127.0.0.1:7901"), Timeouts: []time.Duration{time.Second},
		}})
		if err != nil || results[0].Outcome != flow.Connected || results[0].Peer != "shop/web" {
			t.Errorf("round %d: %+v, %v", round, results, err)
		}
		for _, r := range []running{first, second} {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if err := r.end(t); err != nil {
				t.Errorf("connect: %v; stderr: %s", err, r.stderr)
			}
		}
	}
	last := start(t, nil, "connect", "--socket", socket)
	last.identity(t)
	if err := agent.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := agent.end(t); err != nil {
		t.Error(err)
	}
	if _, err := last.Ping(t.Context()); err == nil {
		t.Error("a ping was answered after the agent's end")
	}
	if err := last.end(t); err != nil {
		t.Errorf("connect, after the agent's end: %v", err)
	}
}

// TestEnd has the agent end well, as a job does, however it is controlled.
func TestEnd(t *testing.T) {
	for _, control := range []string{"stdio", "socket"} {
		agent := start(t, nil, "--identity", "a", "--control", control, "--socket", "cniproof-test-end")
		awaitReady(t, agent, control, "cniproof-test-end")
		stream := agent
		if control == "socket" {
			stream = start(t, nil, "connect", "--socket", "cniproof-test-end")
		}
		if err := stream.End(t.Context()); err != nil {
			t.Errorf("%s: %v", control, err)
		}
		if err := agent.end(t); err != nil {
			t.Errorf("%s: it ended with %v; stderr: %s", control, err, agent.stderr)
		}
	}
}

// TestFirst has an agent serve and dial from its first instant, and asks it later what
// became of that.
func TestFirst(t *testing.T) {
	agent := start(t, nil, "--identity", "shop/web", "--serve", "tcp/7921", "--every", "5ms",
		"--dial", "tcp://127.0.0.1:7921#self", "--dial", "udp://127.0.0.1:7922")
	var record *probes.DialRecord
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var err error
		if record, err = agent.Dialled(t.Context(), probes.Dialled{Name: "first"}); err != nil {
			t.Fatal(err)
		}
		if len(record.Targets) == 2 && count(record.Targets[0], flow.Connected) >= 3 && count(record.Targets[1], flow.Refused) >= 3 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("after 5 s: %+v", record)
		}
	}
	for _, s := range record.Targets[0] {
		if s.Outcome == flow.Connected && s.Peer != "shop/web" || s.Last < s.First || s.First > record.Age {
			t.Errorf("%+v of %s", s, record.Age)
		}
	}
	if _, err := agent.Dialled(t.Context(), probes.Dialled{Name: "first", Stop: true}); err != nil {
		t.Error(err)
	}
	if _, err := agent.Dialled(t.Context(), probes.Dialled{Name: "first"}); err == nil {
		t.Error("what was stopped is still told of")
	}
}

func count(list []probes.Stretch, o flow.Outcome) int {
	n := 0
	for _, s := range list {
		if s.Outcome == o {
			n += s.Count
		}
	}
	return n
}

// TestDialFor is an init container: it dials for a time and leaves a record.
func TestDialFor(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	for _, path := range []string{log, "-"} {
		cmd := exec.Command(binary, "dial", "--for", "200ms", "--dial", "udp://127.0.0.1:7923", "--dial", "udp://[::1]:7923")
		cmd.Env = []string{"CNIPROOF_TERMINATION_LOG=" + path}
		words, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if path != "-" {
			if words, err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
		record, err := probes.ReadLastWords(string(words))
		if err != nil {
			t.Fatal(err)
		}
		if len(record.Targets) != 2 || count(record.Targets[0], flow.Refused) < 3 || record.Age < 200*time.Millisecond {
			t.Errorf("%+v", record)
		}
	}
}

// TestGarbageOnSocket checks that one broken stream does not hurt the others.
func TestGarbageOnSocket(t *testing.T) {
	const socket = "cniproof-test-garbage"
	agent := start(t, nil, "--identity", "a", "--control", "socket", "--socket", socket)
	awaitReady(t, agent, "socket", socket)
	good := start(t, nil, "connect", "--socket", socket)
	good.identity(t)
	for _, garbage := range []string{"", "\x00", "GET / HTTP/1.1\r\n\r\n", "\x00\x00\x00\x02{}", "\xff\xff\xff\xff"} {
		c, err := net.Dial("unix", "@"+socket)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(garbage)); err != nil {
			t.Error(err)
		}
		_ = c.Close()
	}
	if got := good.identity(t); got != "a" {
		t.Errorf("identity %q", got)
	}
}

// TestAsk checks the commands that ask a running agent: it serves and probes, and the
// outcome is told by its word, whatever it is.
func TestAsk(t *testing.T) {
	const socket = "cniproof-test-ask"
	agent := start(t, nil, "--identity", "shop/web", "--control", "socket", "--socket", socket)
	awaitReady(t, agent, "socket", socket)
	said := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(binary, append([]string{args[0], "--socket", socket}, args[1:]...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := said("probe", "tcp://127.0.0.1:7911"); !strings.HasPrefix(got, "refused ") {
		t.Errorf("before anybody listens: %q", got)
	}
	if got := said("listen", "tcp/7911", "udp/7912"); got != "" {
		t.Errorf("listen says %q", got)
	}
	for _, target := range []string{"tcp://127.0.0.1:7911", "udp://[::1]:7912"} {
		if got := said("probe", target); got != "connected shop/web" {
			t.Errorf("%s: %q", target, got)
		}
	}
	if got := said("probe", "--attempts", "1", "--timeout", "10ms", "frob://127.0.0.1:7911"); !strings.HasPrefix(got, "failed ") {
		t.Errorf("of no kind: %q", got)
	}
}

// TestUsage checks what a user who types something wrong gets to read.
func TestUsage(t *testing.T) {
	for _, row := range []struct {
		args []string
		want string
		fine bool
	}{
		{[]string{"version"}, "cniproof agent", true},
		{[]string{"--version"}, "cniproof agent", true},
		{[]string{"--help"}, "usage: agent", true},
		{[]string{}, "identity", false},
		{[]string{"--identity", "a", "--control", "tcp"}, `"tcp"`, false},
		{[]string{"--identity", strings.Repeat("x", 600)}, "600 bytes", false},
		{[]string{"serve"}, `"serve"`, false},
		{[]string{"--frob"}, "frob", false},
		{[]string{"connect", "--socket", "cniproof-test-nobody"}, "@cniproof-test-nobody", false},
		{[]string{"probe", "--socket", "cniproof-test-nobody", "tcp://127.0.0.1:80"}, "@cniproof-test-nobody", false},
		{[]string{"probe", "127.0.0.1:80"}, "KIND://ADDRESS:PORT", false},
		{[]string{"probe"}, "one target", false},
		{[]string{"dial"}, "which targets", false},
		{[]string{"--identity", "a", "--dial", "tcp:1"}, "KIND://ADDRESS:PORT", false},
		{[]string{"--identity", "a", "--serve", "tcp"}, "KIND/NUMBER", false},
		{[]string{"--identity", "a", "--every", "1us", "--dial", "tcp://127.0.0.1:1"}, "at least 1ms", false},
		{[]string{"listen"}, "which ports", false},
		{[]string{"listen", "tcp/0x", "tcp"}, `"tcp/0x"`, false},
	} {
		cmd := exec.Command(binary, row.args...)
		cmd.Env = []string{}
		output, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if (err == nil) != row.fine || !strings.Contains(string(output), row.want) {
			t.Errorf("agent %q: %v, %q", row.args, err, output)
		}
	}
}
