package engine

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// counter counts the datagrams that come to a port of a pod, by sender.
type counter struct {
	mu   sync.Mutex
	from map[netip.Addr]int
}

func (l *lab) count(name string, number int) *counter {
	l.t.Helper()
	c := &counter{from: map[netip.Addr]int{}}
	for _, f := range families {
		var socket *net.UDPConn
		l.must(l.hosts[name].do(func() (err error) {
			at := netip.AddrPortFrom(l.hosts[name].addr(f), uint16(number))
			socket, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
			return err
		}))
		l.must(socket.SetReadBuffer(4 << 20))
		l.t.Cleanup(func() { _ = socket.Close() })
		go c.read(socket)
	}
	return c
}

func (c *counter) read(socket *net.UDPConn) {
	buffer := make([]byte, 10)
	for {
		_, from, err := socket.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		c.mu.Lock()
		c.from[from.Addr().Unmap()]++
		c.mu.Unlock()
	}
}

func (c *counter) of(a netip.Addr) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.from[a]
}

// hammer sends datagrams from ever new ports, each a new connection, until the
// context ends, and returns how many.
func (l *lab) hammer(ctx context.Context, from string, to netip.AddrPort) int {
	sent := 0
	err := l.hosts[from].do(func() error {
		for ctx.Err() == nil {
			c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
			if err != nil {
				return err
			}
			if _, err := c.Write([]byte("x")); err == nil {
				sent++
			}
			if err := c.Close(); err != nil {
				return err
			}
			time.Sleep(200 * time.Microsecond) // leave some of the machine to the engine
		}
		return nil
	})
	if err != nil {
		l.t.Error(err)
	}
	return sent
}

// watchWhile hammers x/a from everywhere while f runs: x/b must never be denied,
// x/c and y/d must never get through.
func (l *lab) watchWhile(seen *counter, f func()) {
	l.t.Helper()
	ctx, cancel := context.WithCancel(l.t.Context())
	var wait sync.WaitGroup
	var allowed, denied atomic.Int64
	for _, f := range families {
		to := netip.AddrPortFrom(l.hosts["x/a"].addr(f), 9999)
		wait.Go(func() { allowed.Add(int64(l.hammer(ctx, "x/b", to))) })
		wait.Go(func() { denied.Add(int64(l.hammer(ctx, "x/c", to))) })
		wait.Go(func() { denied.Add(int64(l.hammer(ctx, "y/d", to))) })
	}
	f()
	cancel()
	wait.Wait()
	time.Sleep(100 * time.Millisecond)
	got, unread := 0, l.unread("x/a")
	for end := time.Now().Add(patience); time.Now().Before(end) && int64(got+unread) != allowed.Load(); {
		got = seen.of(l.hosts["x/b"].v4) + seen.of(l.hosts["x/b"].v6)
		time.Sleep(time.Millisecond)
	}
	if int64(got+unread) != allowed.Load() {
		l.t.Errorf("of %d allowed connections %d came through, and %d that nobody had time to read", allowed.Load(), got, unread)
	}
	for _, name := range []string{"x/c", "y/d"} {
		if leaked := seen.of(l.hosts[name].v4) + seen.of(l.hosts[name].v6); leaked > 0 {
			l.t.Errorf("%d connections leaked from %s", leaked, name)
		}
	}
	l.t.Logf("%d allowed connections, %d denied ones", allowed.Load(), denied.Load())
}

// unread counts the datagrams that came to a host and found its sockets full.
func (l *lab) unread(name string) int {
	l.t.Helper()
	count := 0
	l.must(l.hosts[name].do(func() error {
		four, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		six, err := os.ReadFile("/proc/thread-self/net/snmp6")
		if err != nil {
			return err
		}
		lines := strings.Split(string(four), "\n")
		at := slices.IndexFunc(lines, func(s string) bool { return strings.HasPrefix(s, "Udp: ") })
		column := slices.Index(strings.Fields(lines[at]), "RcvbufErrors")
		count, err = strconv.Atoi(strings.Fields(lines[at+1])[column])
		for line := range strings.Lines(string(six)) {
			var n int
			if _, err := fmt.Sscanf(line, "Udp6RcvbufErrors %d", &n); err == nil {
				count += n
			}
		}
		return err
	}))
	return count
}

// equivalents say the same of x/b, x/c and y/d in different rules: without sets, in
// one set per family, and in two rules for every other pod.
var equivalents = []string{
	`{metadata: {name: p, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}}`,
	`{metadata: {name: p, namespace: x}, spec: {podSelector: {}, ingress: [{ports: [{port: 9999, protocol: UDP}, {port: 1}],
		from: [{namespaceSelector: {matchLabels: {ns: x}}, podSelector: {matchLabels: {pod: b}}}, ` + manyBlocks() + `]}]}}`,
	`{metadata: {name: p, namespace: x}, spec: {podSelector: {matchExpressions: [{key: pod, operator: NotIn, values: [c]}]}, ingress: [
		{from: [{podSelector: {matchLabels: {pod: b}}}, {ipBlock: {cidr: "fd77::/16", except: ["fd77:1::/32"]}}], ports: [{protocol: UDP}]}, {from: [{podSelector: {matchLabels: {pod: b}}}]}]}}`,
}

// manyBlocks is more blocks of each family than go without a set.
func manyBlocks() string {
	var out []string
	for i := range 2 * fewRules {
		out = append(out, fmt.Sprintf(`{ipBlock: {cidr: 10.77.%d.0/24}}, {ipBlock: {cidr: "fd77:%x::/32"}}`, 2*i, 2*i))
	}
	return strings.Join(out, ", ")
}

func TestEquivalentUpdates(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n1", "x/c@n1", "y/d@n2")
	l.start()
	l.apply(equivalents[0])
	l.watchWhile(l.count("x/a", 9999), func() {
		for i := range 200 {
			l.apply(equivalents[i%len(equivalents)])
		}
	})
}

func TestEquivalentPoliciesTakeTurns(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n1", "x/c@n1", "y/d@n2")
	l.start()
	policies := l.client.NetworkingV1().NetworkPolicies("x")
	l.apply(equivalents[0])
	l.watchWhile(l.count("x/a", 9999), func() {
		for i := 1; i < 100; i++ {
			next := parsePolicy(t, equivalents[i%len(equivalents)])
			next.Name = fmt.Sprintf("p-%d", i)
			_, err := policies.Create(t.Context(), next, metav1.CreateOptions{})
			l.must(err)
			old := "p"
			if i > 1 {
				old = fmt.Sprintf("p-%d", i-1)
			}
			l.must(policies.Delete(t.Context(), old, metav1.DeleteOptions{}))
			if i%3 == 0 {
				l.sync()
			}
		}
	})
}

func TestRestart(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n1", "x/c@n1", "y/d@n2")
	l.start()
	l.apply(equivalents[0])
	l.watchWhile(l.count("x/a", 9999), func() {
		for range 20 {
			l.must(l.engine.Restart(t.Context(), nil))
		}
	})
	l.serve("x/a", 80)
	l.delete("x", "p")
	l.expect(true, "x/c -> x/a:80/tcp")
	l.apply(denyA)
	l.expect(false, "x/b -> x/a:80/tcp")
}

// TestSecondEngine starts an engine beside the rules of one that was killed.
func TestSecondEngine(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n1", "x/c@n1", "y/d@n2")
	l.start()
	l.apply(equivalents[0])
	l.watchWhile(l.count("x/a", 9999), func() {
		l.stop()
		l.start()
	})
	k, err := openKernel(int(l.hosts["n1"].ns))
	l.must(err)
	if names, err := k.tables(); err != nil || len(names) != 1 {
		t.Errorf("tables %q, error %v; want one", names, err)
	}
	l.must(k.close())
}

func TestEstablishedConnectionsSurvive(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n1", "y/d@n2")
	l.start()
	l.serve("x/a", 80)
	var streams []net.Conn
	for _, f := range families {
		for _, from := range []string{"x/b", "y/d"} {
			c, err := l.dial(from, "tcp", netip.AddrPortFrom(l.hosts["x/a"].addr(f), 80), patience)
			l.must(err)
			streams = append(streams, c)
		}
	}
	l.apply(`{metadata: {name: deny, namespace: x}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}`)
	l.expect(false, "x/b -> x/a:80/tcp", "y/d -> x/a:80/tcp")
	for _, c := range streams {
		if err := echo(c, patience); err != nil {
			t.Errorf("%s -> %s: %v", c.LocalAddr(), c.RemoteAddr(), err)
		}
		l.must(c.Close())
	}
}

// TestPodLifecycle follows a pod: isolated as soon as Sync returns, forgotten when
// it is gone.
func TestPodLifecycle(t *testing.T) {
	l := newLab(t, "x/b@n1")
	l.start()
	l.apply(denyA)
	l.addPod("x/a@n1")
	l.sync()
	l.serve("x/a", 80)
	l.expect(false, "x/b -> x/a:80/tcp", "x/b -> x/a:80/udp")
	before := l.engine.Dump("n1")
	l.must(l.client.CoreV1().Pods("x").Delete(t.Context(), "a", metav1.DeleteOptions{}))
	l.sync()
	l.expect(true, "x/b -> x/a:80/tcp")
	t.Logf("with the pod:\n%swithout:\n%s", before, l.engine.Dump("n1"))
}

// TestFixedSourcePort connects again from the port of a closed connection.
func TestFixedSourcePort(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n1")
	l.start()
	l.serve("x/a", 80)
	again := func(patience time.Duration) error {
		return l.hosts["x/b"].do(func() error {
			d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: l.hosts["x/b"].v4.AsSlice(), Port: 4321}}
			c, err := d.Dial("tcp", netip.AddrPortFrom(l.hosts["x/a"].v4, 80).String())
			if err != nil {
				return err
			}
			if err := c.(*net.TCPConn).SetLinger(0); err != nil {
				return err
			}
			return c.Close()
		})
	}
	l.must(again(patience))
	l.must(again(patience))
	l.apply(denyA)
	if again(impatience) == nil {
		t.Error("a new connection from the old port got through")
	}
}
