package engine

import (
	"testing"
	"time"
)

// leavesNewPodsOpen starts a pod under an existing deny.
func leavesNewPodsOpen(t *testing.T, l *lab, faulty bool) {
	l.apply(`{metadata: {name: deny, namespace: x}, spec: {podSelector: {matchLabels: {pod: new}}}}`)
	l.addPod("x/new@n1")
	l.serve("x/new", 80)
	l.sync()
	if open := l.reaches("x/b", "x/new", "tcp", ipv4, 80, impatience); open != faulty {
		t.Errorf("the new pod is open: %v", open)
	}
	awaitGrown(t, func() bool { return !l.reaches("x/b", "x/new", "tcp", ipv4, 80, impatience) })
}

// keepsNewPodsOut starts a pod that an existing rule admits.
func keepsNewPodsOut(t *testing.T, l *lab, faulty bool) {
	l.apply(`{metadata: {name: from-new, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: new}}}]}]}}`)
	l.addPod("x/new@n1")
	l.sync()
	l.expect(!faulty, "x/new -> x/a:80/tcp")
	awaitGrown(t, func() bool { return l.reaches("x/new", "x/a", "tcp", ipv4, 80, impatience) })
}

// awaitGrown waits until a fault of the first instants is over.
func awaitGrown(t *testing.T, over func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * closedFor); !over(); time.Sleep(ageEvery) {
		if time.Now().After(end) {
			t.Fatal("the pod stays new for good")
		}
	}
}
