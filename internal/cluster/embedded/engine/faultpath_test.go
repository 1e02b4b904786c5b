package engine

import (
	"testing"
	"time"
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
	Flapping:               flaps,
	PoisonedByIPv6Block:    isPoisoned,
	RestartDeaf:            isDeaf,
	RestartForgetsPolicies: forgets,
	NewPodOpen:             leavesNewPodsOpen,
	NewPodClosed:           keepsNewPodsOut,
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
	l := newLab(t, "x/a@n1", "x/b@n1")
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

func flaps(t *testing.T, l *lab, faulty bool) {
	l.apply(denyA)
	length := 2 * flapEvery
	if faulty {
		length = 20 * flapEvery // at most, on a busy machine
	}
	var open, shut int
	for end := time.Now().Add(length); time.Now().Before(end) && (open == 0 || shut == 0); {
		if l.reaches("x/b", "x/a", "udp", ipv4, 80, flapFor/4) {
			open++
		} else {
			shut++
		}
	}
	if open > 0 != faulty || shut == 0 {
		t.Errorf("open %d times, shut %d times", open, shut)
	}
}

func isPoisoned(_ *testing.T, l *lab, faulty bool) {
	l.apply(`{metadata: {name: block, namespace: x}, spec: {podSelector: {matchLabels: {pod: b}}, ingress: [{from: [{ipBlock: {cidr: "2001:db8::/64"}}]}]}}`)
	l.expect(false, "x/a -> x/b:80/tcp")
	l.apply(denyA)
	l.expect(faulty, "x/b -> x/a:80/tcp")
}

func isDeaf(_ *testing.T, l *lab, faulty bool) {
	l.apply(denyA)
	l.must(l.engine.Restart(l.t.Context()))
	l.expect(false, "x/b -> x/a:80/tcp")
	l.delete("x", "deny")
	l.expect(!faulty, "x/b -> x/a:80/tcp")
}

func forgets(_ *testing.T, l *lab, faulty bool) {
	l.apply(denyA)
	l.must(l.engine.Restart(l.t.Context()))
	l.expect(faulty, "x/b -> x/a:80/tcp")
}
