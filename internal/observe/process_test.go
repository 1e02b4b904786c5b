package observe_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

// agentEnv is set in a process that is an agent of that identity.
const agentEnv = "CNIPROOF_TEST_AGENT"

func TestMain(m *testing.M) {
	if identity := os.Getenv(agentEnv); identity != "" {
		os.Exit(beAgent(identity))
	}
	os.Exit(m.Run())
}

// beAgent is an agent whose control stream is standard input and output.
func beAgent(identity string) int {
	agent, err := probes.NewAgent(identity)
	if err != nil {
		return 1
	}
	defer agent.Close()
	if err := agent.Control(context.Background(), stdio{}); err != nil {
		return 1
	}
	return 0
}

type stdio struct{}

func (stdio) Read(b []byte) (int, error)  { return os.Stdin.Read(b) }
func (stdio) Write(b []byte) (int, error) { return os.Stdout.Write(b) }

// process is an agent in a process of its own, which can be halted.
type process struct {
	cmd    *exec.Cmd
	stream io.ReadWriteCloser
	gone   func() error
}

type pipes struct {
	io.Reader
	io.WriteCloser
}

// start makes the endpoint's agent one in a process of its own, for streams that are
// opened from now on.
func (l *lab) start(t *testing.T, e flow.Endpoint) *process {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), agentEnv+"="+e.String())
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, stream: pipes{out, in}, gone: sync.OnceValue(cmd.Wait)}
	t.Cleanup(func() { p.end(t) })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.processes[e] = p
	return p
}

// halt lets the process stand still for a while.
func (p *process) halt(t *testing.T, d time.Duration) {
	t.Helper()
	for _, signal := range []os.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := p.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		time.Sleep(d)
		d = 0
	}
}

// end kills the process.
func (p *process) end(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	_ = p.gone()
}

// silentFor is the address of a UDP socket that never answers, but does something when it
// is first asked.
func silentFor(t *testing.T, do func()) netip.AddrPort {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		if _, _, err := c.ReadFrom(make([]byte, 1<<16)); err == nil {
			do()
		}
	})
	t.Cleanup(func() {
		_ = c.Close()
		group.Wait()
	})
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}
