//go:build linux

package probes

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// bedEnv is set in the process that runs the tests: it has a network namespace of
// its own, and a user namespace where it was not root.
const bedEnv = "CNIPROOF_TEST_BED"

func TestMain(m *testing.M) {
	if os.Getenv(bedEnv) == "" {
		os.Exit(runInBed())
	}
	if err := loopbackUp(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if path, err := agentPath(); err == nil && agentBuilt {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// runInBed runs this program again in new namespaces and returns its exit code.
func runInBed() int {
	runtime.LockOSThread() // for Pdeathsig
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), bedEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	case errors.Is(err, os.ErrPermission):
		fmt.Fprintf(os.Stdout, "SKIP: these tests need a network namespace, and this host gives none: %v\n", err)
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding the loopback interface: %w", err)
	}
	return netlink.LinkSetUp(lo)
}

var agentBuilt bool

// agentPath builds the agent as a release does, once.
var agentPath = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "cniproof-agent-")
	if err != nil {
		return "", err
	}
	agentBuilt = true
	path := filepath.Join(folder, "agent")
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", path, "./agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the agent: %w\n%s", err, output)
	}
	return path, nil
})

// space is a network namespace with a loopback interface that is up.
type space struct{ ns netns.NsHandle }

func newSpace(t testing.TB) space {
	t.Helper()
	s := space{netns.None()}
	inThread(t, func() (err error) {
		s.ns, err = netns.New()
		if err != nil {
			return err
		}
		// All at once is what a test wants, and not one ICMP error per second.
		for _, limit := range []string{"ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"} {
			if err := os.WriteFile("/proc/sys/net/"+limit, []byte("0"), 0); err != nil {
				return err
			}
		}
		return loopbackUp()
	})
	t.Cleanup(func() { _ = s.ns.Close() })
	return s
}

// do calls f in the namespace.
func (s space) do(t testing.TB, f func() error) {
	t.Helper()
	inThread(t, func() error {
		if err := netns.Set(s.ns); err != nil {
			return err
		}
		return f()
	})
}

// inThread calls f in a thread that ends with it.
func inThread(t testing.TB, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// twoSpaces are joined by a wire: the first has 10.0.0.1 and fd00::1, the second
// ends in 2.
func twoSpaces(t testing.TB) (a, b space) {
	t.Helper()
	a, b = newSpace(t), newSpace(t)
	a.do(t, func() error {
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(b.ns),
		})
	})
	for i, s := range []space{a, b} {
		s.do(t, func() error {
			link, err := netlink.LinkByName("eth0")
			if err != nil {
				return err
			}
			return netlink.LinkSetUp(link)
		})
		s.addAddress(t, fmt.Sprintf("10.0.0.%d/24", i+1))
		s.addAddress(t, fmt.Sprintf("fd00::%d/64", i+1))
	}
	a.awaitAddress(t, "10.0.0.2")
	a.awaitAddress(t, "fd00::2")
	return a, b
}

// awaitAddress waits until the kernel on the other side answers: interfaces and
// IPv6 addresses come up a little later than they are said to.
func (s space) awaitAddress(t testing.TB, address string) {
	t.Helper()
	s.do(t, func() error {
		var err error
		for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(time.Millisecond) {
			_, err = net.DialTimeout("tcp", net.JoinHostPort(address, "9"), time.Second)
			if errors.Is(err, unix.ECONNREFUSED) {
				return nil
			}
		}
		return fmt.Errorf("%s does not come up: %w", address, err)
	})
}

// addAddress gives the space's end of the wire one more address.
func (s space) addAddress(t testing.TB, address string) {
	t.Helper()
	s.do(t, func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		parsed, err := netlink.ParseAddr(address)
		if err != nil {
			return err
		}
		if parsed.IP.To4() == nil {
			parsed.Flags = unix.IFA_F_NODAD
		}
		return netlink.AddrAdd(link, parsed)
	})
}

// process is a real agent in a namespace.
type process struct {
	*Client
	cmd *exec.Cmd
}

// start runs the real agent, with its control stream on stdio.
func (s space) start(t testing.TB, identity string) process {
	t.Helper()
	path, err := agentPath()
	if err != nil {
		t.Fatal(err)
	}
	return s.startCommand(t, exec.Command(path, "--identity", identity))
}

func (s space) startCommand(t testing.TB, cmd *exec.Cmd) process {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	s.do(t, cmd.Start)
	p := process{NewClient(struct {
		io.Reader
		io.WriteCloser
	}{out, in}), cmd}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("closing the control stream: %v", err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the agent: %v", err)
		}
	})
	return p
}

// listenTCP serves one connection after the other with serve, on loopback.
func listenTCP(t testing.TB, serve func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c.(*net.TCPConn))
		}
	}()
	return l.Addr().String()
}

// listenUDP answers each datagram with what serve returns, on loopback, until stop.
func listenUDP(t testing.TB, serve func(datagram []byte, from net.Addr) [][]byte) (address string, stop func()) {
	t.Helper()
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		buffer := make([]byte, 65536)
		for {
			n, from, err := l.ReadFrom(buffer)
			if err != nil {
				return
			}
			for _, answer := range serve(buffer[:n], from) {
				_, _ = l.WriteTo(answer, from)
			}
		}
	}()
	stop = func() {
		_ = l.Close()
		<-stopped
	}
	t.Cleanup(stop)
	return l.LocalAddr().String(), stop
}
