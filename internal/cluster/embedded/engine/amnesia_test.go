package engine

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// restart restarts the engine, and does something while it is away.
func (l *lab) restart(meanwhile func()) {
	l.t.Helper()
	l.must(l.engine.Restart(l.t.Context(), func(context.Context) error {
		meanwhile()
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

// write tells the API of a policy while nobody may be there to take it in.
func (l *lab) write(text string) {
	l.t.Helper()
	p := parsePolicy(l.t, text)
	policies := l.client.NetworkingV1().NetworkPolicies(p.Namespace)
	_, err := policies.Create(l.t.Context(), p, metav1.CreateOptions{})
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
	l.restart(func() {})
	l.labelNamespace("x", "team", "red")
	l.sync()
	l.expect(!faulty, "x/b -> x/a:80/tcp")
}

func isDeafToNewPods(_ *testing.T, l *lab, faulty bool) {
	l.apply(`{metadata: {name: deny, namespace: x}, spec: {podSelector: {}}}`)
	l.restart(func() {})
	l.addPod("x/new@n1")
	l.serve("x/new", 80)
	l.sync()
	l.expect(faulty, "x/b -> x/new:80/tcp")
	l.expect(false, "x/b -> x/a:80/tcp")
}

func isDeafToUpdates(_ *testing.T, l *lab, faulty bool) {
	l.apply(letCIn)
	l.restart(func() {})
	l.apply(letBIn)
	l.expect(!faulty, "x/b -> x/a:80/tcp")
	l.delete("x", "deny")
	l.expect(true, "x/b -> x/a:80/tcp")
}

func forgetsOnMetadata(_ *testing.T, l *lab, faulty bool) {
	l.apply(denyA)
	p := parsePolicy(l.t, denyA)
	p.Annotations = map[string]string{"note": "another"}
	_, err := l.client.NetworkingV1().NetworkPolicies("x").Update(l.t.Context(), p, metav1.UpdateOptions{})
	l.must(err)
	l.sync()
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
