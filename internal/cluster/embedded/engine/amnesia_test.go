package engine

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// restart restarts the engine, and does things while it is away.
func (l *lab) restart(meanwhile ...func()) {
	l.t.Helper()
	l.must(l.engine.Restart(l.t.Context(), func(context.Context) error {
		for _, do := range meanwhile {
			do()
		}
		return nil
	}))
}

// labelNamespace gives a namespace one label in the place of all.
func (l *lab) labelNamespace(name, k, v string) {
	l.t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{k: v}}}
	_, err := l.client.CoreV1().Namespaces().Update(l.t.Context(), ns, metav1.UpdateOptions{})
	l.must(err)
}

func missesChanges(_ *testing.T, l *lab, faulty bool) {
	l.restart(func() { l.write(denyA) })
	l.expect(faulty, "x/b -> x/a:80/tcp")
	l.apply(letBIn)
	l.expect(true, "x/b -> x/a:80/tcp")
	l.apply(letCIn)
	l.expect(false, "x/b -> x/a:80/tcp")
}

func missesDeletions(_ *testing.T, l *lab, faulty bool) {
	l.apply(denyA)
	l.restart(func() {
		l.must(l.client.NetworkingV1().NetworkPolicies("x").Delete(l.t.Context(), "deny", metav1.DeleteOptions{}))
	})
	l.expect(!faulty, "x/b -> x/a:80/tcp")
}

func isDeafToNamespaces(_ *testing.T, l *lab, faulty bool) {
	l.apply(`{metadata: {name: deny, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: red}}}]}]}}`)
	l.restart()
	l.labelNamespace("x", "team", "red")
	l.sync()
	l.expect(!faulty, "x/b -> x/a:80/tcp")
}

func isDeafToNewPods(_ *testing.T, l *lab, faulty bool) {
	l.apply(`{metadata: {name: deny, namespace: x}, spec: {podSelector: {}}}`)
	l.restart()
	l.addPod("x/new@n1")
	l.serve("x/new", 80)
	l.sync()
	l.expect(faulty, "x/b -> x/new:80/tcp")
	l.expect(false, "x/b -> x/a:80/tcp")
}

func isDeafToUpdates(_ *testing.T, l *lab, faulty bool) {
	l.apply(letCIn)
	l.restart()
	l.apply(letBIn)
	l.expect(!faulty, "x/b -> x/a:80/tcp")
	l.delete("x", "deny")
	l.expect(true, "x/b -> x/a:80/tcp")
}

func forgetsOnMetadata(_ *testing.T, l *lab, faulty bool) {
	l.apply(denyA)
	l.apply(strings.Replace(denyA, "name: deny", "annotations: {note: another}, name: deny", 1))
	l.expect(faulty, "x/b -> x/a:80/tcp")
}

func missesTheSecond(_ *testing.T, l *lab, faulty bool) {
	l.apply(`{metadata: {name: deny, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: red}}}]}]}}`)
	for _, team := range []string{"blue", "red"} {
		l.labelNamespace("x", "team", team)
		l.sync()
	}
	l.expect(!faulty, "x/b -> x/a:80/tcp")
	time.Sleep(restFor)
	l.labelNamespace("x", "team", "green")
	l.sync()
	l.expect(false, "x/b -> x/a:80/tcp")
}

// TestRestartTellsWhatFailedMeanwhile: the engine comes back all the same.
func TestRestartTellsWhatFailedMeanwhile(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n1")
	l.serve("x/a", 80)
	l.start()
	if err := l.engine.Restart(t.Context(), func(context.Context) error { return context.Canceled }); err == nil {
		t.Error("nothing is said of what failed")
	}
	l.apply(denyA)
	l.expect(false, "x/b -> x/a:80/tcp")
}
