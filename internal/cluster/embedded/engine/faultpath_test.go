package engine

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// dataPathFaults are the faults of the rules in the kernel: a flow that an engine
// without the fault gets right.
var dataPathFaults = []struct {
	fault  Fault
	policy string
	flow   string
	allow  bool
}{
	{RepliesDropped, `{metadata: {name: p, namespace: x}, spec: {podSelector: {matchLabels: {pod: b}}}}`, "x/b -> x/a:80/tcp", true},
	{NodeTrafficDenied, `{metadata: {name: p, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}}}`, "n1 -> x/a:80/tcp", true},
	{ServicePathUnenforced, `{metadata: {name: p, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}}}`, "x/b -> service:20080/tcp", false},
	{ServicePortJudged, `{metadata: {name: p, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 80}]}]}}`, "x/b -> service:20080/tcp", true},
}

// loopFaults are the faults of the engine's own life.
var loopFaults = map[Fault]func(*testing.T, *lab, bool){
	Flapping:                func(t *testing.T, l *lab, faulty bool) { opensAtTimes(t, l, flapEvery, faulty) },
	RulesLapse:              lapses,
	ResyncGoesBack:          resyncs,
	ResyncLeaks:             func(t *testing.T, l *lab, faulty bool) { opensAtTimes(t, l, l.engine.periods.resync, faulty) },
	PoisonedByIPv6Block:     isPoisoned,
	RestartDeaf:             isDeaf,
	RestartForgetsPolicies:  forgets,
	RestartForgetsBlocks:    forgetsBlocks,
	RestartGoesBack:         goesBack,
	RestartMissesChanges:    missesChanges,
	RestartMissesDeletions:  missesDeletions,
	RestartDeafToNamespaces: isDeafToNamespaces,
	RestartDeafToNewPods:    isDeafToNewPods,
	RestartDeafToUpdates:    isDeafToUpdates,
	SecondLabelMissed:       missesTheSecond,
	ForgetsOnMetadataUpdate: forgetsOnMetadata,
	NewPodOpen:              leavesNewPodsOpen,
	NewPodClosed:            keepsNewPodsOut,
	RestartFailsOpen:        failsOpen,
	RestartFailsClosed:      failsClosed,
	TransientLeakOnUpdate:   func(t *testing.T, l *lab, faulty bool) { wavering(t, l, "x/b", true, faulty, l.update) },
	TransientDropOnUpdate:   func(t *testing.T, l *lab, faulty bool) { wavering(t, l, "x/c", false, faulty, l.update) },
	TransientLeakOnDelete:   func(t *testing.T, l *lab, faulty bool) { wavering(t, l, "x/b", true, faulty, l.removeOther) },
	DeniedTupleStaysShut:    func(t *testing.T, l *lab, faulty bool) { dialledAgain(t, l, letCIn, letBIn, faulty) },
	AllowedTupleStaysOpen:   func(t *testing.T, l *lab, faulty bool) { dialledAgain(t, l, letBIn, letCIn, faulty) },
	AnswersToldByPort:       func(t *testing.T, l *lab, faulty bool) { dialledFromDNS(t, l, "tcp", "udp", faulty) },
	UDPAnswersToldByPort:    func(t *testing.T, l *lab, faulty bool) { dialledFromDNS(t, l, "udp", "tcp", faulty) },
	AnswersDenied:           comesThrough,
	ConnectionsCutOnChange:  func(t *testing.T, l *lab, faulty bool) { cutBy(t, l, faulty, func() { l.update(); l.removeOther() }) },
	RestartCutsConnections: func(t *testing.T, l *lab, faulty bool) {
		cutBy(t, l, faulty, func() { l.restart() })
	},
	Poisoned: isPoisonedByAName,
	Slow:     isSlow,
}

func TestDataPathFaults(t *testing.T) {
	for _, r := range dataPathFaults {
		for _, faulty := range []bool{false, true} {
			t.Run(name(r.fault, faulty), func(t *testing.T) {
				l := faultLab(t, r.fault, faulty)
				l.addService("x/a")
				l.apply(r.policy)
				l.expect(r.allow != faulty, r.flow)
			})
		}
	}
}

func TestLoopFaults(t *testing.T) {
	for fault, test := range loopFaults {
		for _, faulty := range []bool{false, true} {
			t.Run(name(fault, faulty), func(t *testing.T) {
				test(t, faultLab(t, fault, faulty), faulty)
			})
		}
	}
}

func name(fault Fault, faulty bool) string {
	if faulty {
		return string(fault)
	}
	return "without " + string(fault)
}

func faultLab(t *testing.T, fault Fault, faulty bool) *lab {
	l := newLab(t, "x/a@n1", "x/b@n1", "x/c@n1")
	l.serve("x/a", 80)
	l.serve("x/b", 80)
	if faulty {
		l.start(string(fault))
	} else {
		l.start()
	}
	return l
}

const denyA = `{metadata: {name: deny, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}}}`

func opensAtTimes(t *testing.T, l *lab, every time.Duration, faulty bool) {
	l.apply(denyA)
	length := 2 * every
	if faulty {
		length = 20 * every // at most, on a busy machine
	}
	var open, shut int
	for end := time.Now().Add(length); time.Now().Before(end) && (open == 0 || shut == 0); {
		if l.reaches("x/b", "x/a", "udp", ipv4, 80, leaksFor/4) {
			open++
		} else {
			shut++
		}
	}
	if open > 0 != faulty || shut == 0 {
		t.Errorf("open %d times, shut %d times", open, shut)
	}
}

func lapses(_ *testing.T, l *lab, faulty bool) {
	l.apply(denyA)
	l.expect(false, "x/b -> x/a:80/tcp")
	time.Sleep(l.engine.periods.lapse + 200*time.Millisecond)
	l.expect(faulty, "x/b -> x/a:80/tcp")
	l.apply(`{metadata: {name: other, namespace: x}, spec: {podSelector: {matchLabels: {pod: b}}}}`)
	l.expect(false, "x/b -> x/a:80/tcp", "x/a -> x/b:80/tcp")
}

func resyncs(_ *testing.T, l *lab, faulty bool) {
	l.apply(letBIn)
	l.apply(letCIn)
	l.expect(false, "x/b -> x/a:80/tcp")
	time.Sleep(l.engine.periods.resync + 200*time.Millisecond)
	l.expect(faulty, "x/b -> x/a:80/tcp")
	l.apply(denyA)
	l.expect(false, "x/b -> x/a:80/tcp")
}

func isPoisoned(_ *testing.T, l *lab, faulty bool) {
	l.apply(`{metadata: {name: block, namespace: x}, spec: {podSelector: {matchLabels: {pod: b}}, ingress: [{from: [{ipBlock: {cidr: "2001:db8::/64"}}]}]}}`)
	l.expect(false, "x/a -> x/b:80/tcp")
	l.apply(denyA)
	l.expect(faulty, "x/b -> x/a:80/tcp")
}

func isDeaf(_ *testing.T, l *lab, faulty bool) {
	l.apply(denyA)
	l.restart()
	l.expect(false, "x/b -> x/a:80/tcp")
	l.delete("x", "deny")
	l.expect(!faulty, "x/b -> x/a:80/tcp")
}

func forgets(_ *testing.T, l *lab, faulty bool) {
	l.apply(denyA)
	l.restart()
	l.expect(faulty, "x/b -> x/a:80/tcp")
}

func forgetsBlocks(_ *testing.T, l *lab, faulty bool) {
	l.apply(`{metadata: {name: all, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: "::/0"}}]}]}}`)
	l.restart()
	l.expect(!faulty, "x/b -> x/a:80/tcp")
}

func goesBack(_ *testing.T, l *lab, faulty bool) {
	l.apply(letBIn)
	l.apply(letCIn)
	l.restart()
	l.expect(faulty, "x/b -> x/a:80/tcp")
	l.apply(denyA)
	l.expect(false, "x/b -> x/a:80/tcp")
}

func failsOpen(t *testing.T, l *lab, faulty bool) { restarting(t, l, denyA, true, faulty) }

func failsClosed(t *testing.T, l *lab, faulty bool) { restarting(t, l, letCIn, false, faulty) }

const letCIn = `{metadata: {name: deny, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}]}]}}`

const letBIn = `{metadata: {name: deny, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}}`

// dialledAgain looks whether a second connection from the same port gets the verdict of
// the first, whatever the policy says by then. TCP alone: to the kernel a datagram from
// the same port is no new connection.
func dialledAgain(t *testing.T, l *lab, first, second string, faulty bool) {
	for n, f := range families {
		port := 40000 + n
		l.apply(first)
		before := l.reachesFrom("tcp", port, "x/b", "x/a", f, patienceFor(first == letBIn))
		l.apply(second)
		after := l.reachesFrom("tcp", port, "x/b", "x/a", f, patienceFor((first == letBIn) == faulty))
		if before != (first == letBIn) || (after == before) != faulty {
			t.Errorf("family %d: got through: %t, and then %t", f, before, after)
		}
		l.apply(second)
		l.expect(second == letBIn, "x/b -> x/a:80/tcp") // from another port
	}
}

// dialledFromDNS looks whether the port that something comes from decides what becomes of
// it, over one protocol and not over the other.
func dialledFromDNS(t *testing.T, l *lab, open, other string, faulty bool) {
	l.apply(denyA)
	for _, f := range families {
		for protocol, want := range map[string]bool{open: faulty, other: false} {
			if got := l.reachesFrom(protocol, dnsPort, "x/b", "x/a", f, patienceFor(want)); got != want {
				t.Errorf("family %d: got through over %s from port %d: %t", f, protocol, dnsPort, got)
			}
		}
	}
	l.expect(false, "x/b -> x/a:80/tcp", "x/b -> x/a:80/udp") // from another port
}

// comesThrough looks whether what is denied gets to the server, which its sender does not see.
func comesThrough(t *testing.T, l *lab, faulty bool) {
	l.apply(denyA)
	for _, f := range families {
		if got := l.hears("x/b", "x/a", f, patienceFor(faulty)); got != faulty {
			t.Errorf("family %d: the datagram came through: %t", f, got)
		}
	}
	l.expect(false, "x/b -> x/a:80/tcp", "x/b -> x/a:80/udp")
	l.delete("x", "deny")
	l.expect(true, "x/b -> x/a:80/tcp", "x/b -> x/a:80/udp")
}

// cutBy looks whether a connection that stands goes on after something that allows it all the time.
func cutBy(t *testing.T, l *lab, faulty bool, do func()) {
	for _, f := range families {
		c, err := l.dial("x/a", "tcp", netip.AddrPortFrom(l.hosts["x/b"].addr(f), 80), patience)
		l.must(err)
		do()
		if err := echo(c, patienceFor(!faulty)); (err != nil) != faulty {
			t.Errorf("family %d: afterwards: %v", f, err)
		}
		_ = c.Close()
	}
	l.expect(true, "x/a -> x/b:80/tcp")
}

// restarting looks whether a flow is ever open, or ever shut, while the engine restarts.
func restarting(t *testing.T, l *lab, policy string, open, faulty bool) {
	l.engine.away = 300 * time.Millisecond
	l.apply(policy)
	from := map[bool]string{true: "x/b", false: "x/c"}[open]
	seen := l.everSeen(from, open, func() { l.restart() })
	if seen != faulty {
		t.Errorf("seen %t, want %t", seen, faulty)
	}
}

// wavering looks whether a flow is ever open, or ever shut, while something is done that
// does not concern it.
func wavering(t *testing.T, l *lab, from string, open, faulty bool, do func()) {
	l.apply(letCIn)
	l.apply(`{metadata: {name: other, namespace: x}, spec: {podSelector: {matchLabels: {pod: b}}}}`)
	if seen := l.everSeen(from, open, do); seen != faulty {
		t.Errorf("seen %t, want %t", seen, faulty)
	}
}

func (l *lab) update() {
	l.apply(`{metadata: {name: other, namespace: x}, spec: {podSelector: {matchLabels: {pod: b}}, ingress: [{}]}}`)
}

func (l *lab) removeOther() { l.delete("x", "other") }

// everSeen tries a flow to x/a until do is done, and once it begins.
func (l *lab) everSeen(from string, open bool, do func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	for {
		if l.reaches(from, "x/a", "udp", ipv4, 80, 15*time.Millisecond) == open && (open || !l.reaches(from, "x/a", "udp", ipv4, 80, 15*time.Millisecond)) {
			<-done
			return true
		}
		select {
		case <-done:
			return false
		default:
		}
	}
}

func isPoisonedByAName(_ *testing.T, l *lab, faulty bool) {
	l.apply(`{metadata: {name: ` + strings.Repeat("n", longName+1) + `, namespace: x}, spec: {podSelector: {matchLabels: {pod: b}}}}`)
	l.expect(false, "x/a -> x/b:80/tcp")
	l.apply(denyA)
	l.expect(faulty, "x/b -> x/a:80/tcp")
}

// isSlow does not wait for the engine, which catches up when it is asked to.
func isSlow(t *testing.T, l *lab, faulty bool) {
	policies := l.client.NetworkingV1().NetworkPolicies("x")
	_, err := policies.Create(t.Context(), parsePolicy(t, denyA), metav1.CreateOptions{})
	l.must(err)
	time.Sleep(500 * time.Millisecond)
	l.expect(faulty, "x/b -> x/a:80/tcp")
}
