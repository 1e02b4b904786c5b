package observe_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/observe"
	"github.com/cniproof/cniproof/probes"
)

// lab is two real agents on loopback, and control streams that can be spoilt.
type lab struct {
	pool *observe.Pool

	mu        sync.Mutex // guards all but agents
	agents    map[flow.Endpoint]*probes.Agent
	processes map[flow.Endpoint]*process // in the place of agents
	streams   map[flow.Endpoint]net.Conn // the latest, for cutting
	attached  map[flow.Endpoint]int
	broken    map[flow.Endpoint]bool
	delay     map[flow.Endpoint]time.Duration
}

var (
	client = flow.Pod("x", "client")
	server = flow.Pod("x", "server")
)

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{
		agents: map[flow.Endpoint]*probes.Agent{}, processes: map[flow.Endpoint]*process{}, streams: map[flow.Endpoint]net.Conn{},
		attached: map[flow.Endpoint]int{}, broken: map[flow.Endpoint]bool{}, delay: map[flow.Endpoint]time.Duration{},
	}
	for _, e := range []flow.Endpoint{client, server} {
		agent, err := probes.NewAgent(e.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(agent.Close)
		l.agents[e] = agent
	}
	l.pool = observe.NewPool(l.attach)
	t.Cleanup(l.pool.Close)
	return l
}

func (l *lab) attach(ctx context.Context, e flow.Endpoint) (io.ReadWriteCloser, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken[e] {
		return nil, errors.New("no route to the agent")
	}
	if p := l.processes[e]; p != nil {
		return p.stream, nil
	}
	ours, theirs := net.Pipe()
	l.attached[e]++
	l.streams[e] = theirs
	go func() {
		_ = l.agents[e].Control(context.WithoutCancel(ctx), theirs)
		_ = theirs.Close()
	}()
	return slow{ours, l.delay[e]}, nil
}

// cut breaks the stream to an agent.
func (l *lab) cut(e flow.Endpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.streams[e].Close()
}

// breakOff cuts the stream to an agent, and lets none be opened again until repair.
func (l *lab) breakOff(e flow.Endpoint) {
	l.mu.Lock()
	l.broken[e] = true
	l.mu.Unlock()
	l.cut(e)
}

func (l *lab) repair(e flow.Endpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken[e] = false
}

func (l *lab) attachments(e flow.Endpoint) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.attached[e]
}

// slow is a stream on which every write is late.
type slow struct {
	net.Conn
	delay time.Duration
}

func (s slow) Write(b []byte) (int, error) {
	time.Sleep(s.delay)
	return s.Conn.Write(b)
}

// freePort is a port on which nothing listens.
func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// silent is the address of a UDP socket that never answers.
func silent(t *testing.T) netip.AddrPort {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// target is a TCP flow from client to server, which serves the port.
func (l *lab) target(t *testing.T) observe.Target {
	t.Helper()
	port := probes.Port{Kind: probes.KindTCP, Number: freePort(t)}
	identity, err := l.pool.Agent(server).Serve(t.Context(), []probes.Port{port})
	if err != nil {
		t.Fatal(err)
	}
	return observe.Target{
		Flow: flow.Flow{Source: client, Destination: server, Protocol: flow.TCP, Port: port.Number},
		From: l.pool.Agent(client), To: l.pool.Agent(server), Kind: probes.KindTCP, Port: port,
		Address: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port.Number), Peer: identity,
	}
}

// dropped makes the target look like a flow whose packets are dropped on the way
// to a server that listens.
func dropped(t *testing.T, target observe.Target) observe.Target {
	target.Kind, target.Address = probes.KindUDP, silent(t)
	return target
}

// answerless makes the target a flow over UDP whose datagrams come through, and whose
// answers do not.
func (l *lab) answerless(t *testing.T, target observe.Target) observe.Target {
	t.Helper()
	target.Kind, target.Port.Kind = probes.KindUDP, probes.KindUDP
	if _, err := l.pool.Agent(server).Serve(t.Context(), []probes.Port{target.Port}); err != nil {
		t.Fatal(err)
	}
	in, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out, err := net.Dial("udp4", target.Address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = in.Close(), out.Close() })
	go func() {
		for b := make([]byte, 100); ; {
			n, _, err := in.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = out.Write(b[:n])
		}
	}()
	target.Address = in.LocalAddr().(*net.UDPAddr).AddrPort()
	return target
}

// swallowing is answerless over TCP: what listens takes the connection and the greeting,
// and passes that on.
func swallowing(t *testing.T, target observe.Target) observe.Target {
	t.Helper()
	in, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := target.Address.String()
	t.Cleanup(func() { _ = in.Close() })
	go func() {
		for {
			from, err := in.Accept()
			if err != nil {
				return
			}
			go func() {
				defer from.Close()
				if out, err := net.Dial("tcp4", to); err == nil {
					defer out.Close()
					_, _ = io.Copy(out, from)
				}
			}()
		}
	}()
	target.Address = in.Addr().(*net.TCPAddr).AddrPort()
	return target
}

func rounds(n int) observe.Next {
	return func(line *flow.Timeline) flow.Look { return flow.Look{Again: len(line.Rounds) < n} }
}

func (l *lab) watch(t *testing.T, n int, targets ...observe.Target) []flow.Sample {
	t.Helper()
	line := l.pool.NewWatcher(targets).Watch(t.Context(), rounds(n))
	if len(line.Rounds) != n {
		t.Fatalf("%d rounds, want %d", len(line.Rounds), n)
	}
	return line.Last().Samples
}

// told watches until the samples can be told, which on a busy machine takes a few
// rounds.
func (l *lab) told(t *testing.T, targets ...observe.Target) []flow.Sample {
	t.Helper()
	line := l.pool.NewWatcher(targets).Watch(t.Context(), func(line *flow.Timeline) flow.Look {
		last := line.Last()
		doubtful := last == nil || slices.ContainsFunc(last.Samples, func(s flow.Sample) bool { return s.Outcome == flow.Failed })
		return flow.Look{Again: doubtful && len(line.Rounds) < 50}
	})
	return line.Last().Samples
}

func expectOutcome(t *testing.T, s flow.Sample, want flow.Outcome, detail string) {
	t.Helper()
	if s.Outcome != want || !strings.Contains(s.Detail, detail) {
		t.Errorf("got %s (%s), want %s (...%s...)", s.Outcome, s.Detail, want, detail)
	}
}

func TestConnected(t *testing.T) {
	l := newLab(t)
	expectOutcome(t, l.watch(t, 1, l.target(t))[0], flow.Connected, "")
}

func TestAnotherIdentityIsAWrongPeer(t *testing.T) {
	l := newLab(t)
	target := l.target(t)
	target.Peer = "x/somebody-else"
	expectOutcome(t, l.watch(t, 1, target)[0], flow.WrongPeer, "x/server")
}

func TestSilenceOfAListeningServerIsATimeOut(t *testing.T) {
	l := newLab(t)
	expectOutcome(t, l.told(t, dropped(t, l.target(t)))[0], flow.TimedOut, "")
}

// What has come through was not denied, whether an answer came back or not.
func TestWhatTheServerHasHeardIsNoDenial(t *testing.T) {
	l := newLab(t)
	samples := l.told(t, l.answerless(t, l.target(t)), swallowing(t, l.target(t)), dropped(t, l.target(t)), l.target(t))
	for i, want := range []flow.Outcome{flow.Unanswered, flow.Unanswered, flow.TimedOut, flow.Connected} {
		expectOutcome(t, samples[i], want, "")
	}
	if v := samples[0].Verdict(); v != flow.OneWay {
		t.Errorf("it is evidence for %s", v)
	}
}

func TestAServerThatDoesNotListenIsNoDenial(t *testing.T) {
	l := newLab(t)
	target := l.target(t)
	other := freePort(t)
	target.Address, target.Port.Number = netip.AddrPortFrom(target.Address.Addr(), other), other
	expectOutcome(t, l.watch(t, 1, target)[0], flow.Failed, "nothing listens")
}

func TestAServerWhoseAgentIsGoneIsNoDenial(t *testing.T) {
	l := newLab(t)
	target := dropped(t, l.target(t))
	l.broken[server] = true
	l.cut(server)
	expectOutcome(t, l.watch(t, 1, target)[0], flow.Failed, "x/server")
}

func TestAReplacedServerIsNoDenial(t *testing.T) {
	l := newLab(t)
	target := dropped(t, l.target(t))
	target.Peer = "x/server/of-long-ago"
	expectOutcome(t, l.watch(t, 1, target)[0], flow.Failed, "of-long-ago")
}

// A slow control stream says nothing of how the agent was while the flow was tried.
func TestALateAnswerIsWaitedFor(t *testing.T) {
	for _, delay := range []time.Duration{100 * time.Millisecond, 600 * time.Millisecond} {
		l := newLab(t)
		l.delay[server] = delay
		expectOutcome(t, l.told(t, dropped(t, l.target(t)))[0], flow.TimedOut, "")
	}
}

// An agent that stood still while the flow was tried may have kept its answer back.
func TestSilenceOfAHaltedAgentIsNoDenial(t *testing.T) {
	l := newLab(t)
	halted := l.start(t, server)
	target := dropped(t, l.target(t))
	expectOutcome(t, l.told(t, target)[0], flow.TimedOut, "")
	halted.halt(t, 200*time.Millisecond)
	expectOutcome(t, l.watch(t, 1, target)[0], flow.Failed, "destination: the agent was kept from running for up to")
	expectOutcome(t, l.told(t, target)[0], flow.TimedOut, "")
}

// The silence of an agent that was not there yet, or not any more, is none of a policy.
func TestSilenceOfAnAgentThatWasReplacedIsNoDenial(t *testing.T) {
	l := newLab(t)
	first := l.start(t, server)
	target := dropped(t, l.target(t))
	target.Address = silentFor(t, func() {
		first.end(t)
		l.start(t, server)
	})
	expectOutcome(t, l.watch(t, 1, target)[0], flow.Failed, "destination: ")
	time.Sleep(300 * time.Millisecond)
	expectOutcome(t, l.watch(t, 2, target)[0], flow.Failed, "began anew") // its pod may have another address
}

func TestACutStreamIsNoDenialAndComesBack(t *testing.T) {
	l := newLab(t)
	target := l.target(t)
	if _, err := target.From.Serve(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	l.cut(client)
	if got := l.watch(t, 1, target)[0]; got.Outcome != flow.Failed && got.Outcome != flow.Connected {
		t.Errorf("a cut stream was taken for %s (%s)", got.Outcome, got.Detail)
	}
	expectOutcome(t, l.watch(t, 1, target)[0], flow.Connected, "")
	if l.attached[client] != 2 {
		t.Errorf("attached %d times, want 2", l.attached[client])
	}
}

func TestSamplesKeepTheOrderOfTheTargets(t *testing.T) {
	l := newLab(t)
	good := l.target(t)
	samples := l.told(t, dropped(t, good), good, dropped(t, good))
	for i, want := range []flow.Outcome{flow.TimedOut, flow.Connected, flow.TimedOut} {
		expectOutcome(t, samples[i], want, "")
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	line := l.pool.NewWatcher([]observe.Target{l.target(t)}).Watch(ctx, func(line *flow.Timeline) flow.Look {
		if len(line.Rounds) == 2 {
			cancel()
		}
		return flow.Look{Again: true}
	})
	if len(line.Rounds) != 2 {
		t.Errorf("%d rounds, want 2", len(line.Rounds))
	}
}

func TestARoundTriesOnlyWhatItIsTold(t *testing.T) {
	l := newLab(t)
	target := l.target(t)
	line := l.pool.NewWatcher([]observe.Target{target, dropped(t, target), target}).Watch(t.Context(), func(line *flow.Timeline) flow.Look {
		return flow.Look{Again: len(line.Rounds) < 1, Only: []int{0, 2}}
	})
	var tried []int
	for i, s := range line.Last().All() {
		tried = append(tried, i)
		expectOutcome(t, s, flow.Connected, "")
	}
	if !slices.Equal(tried, []int{0, 2}) {
		t.Errorf("tried %v, want the first and the last", tried)
	}
}
