package clustertest

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// testCompletion has the agent of a pod that runs once end well: the pod has succeeded.
func testCompletion(t *testing.T, l *lab) {
	once := func(s *corev1.PodSpec) { s.RestartPolicy = corev1.RestartPolicyNever }
	l.createPod(t, "job", l.cluster.Nodes()[0].Name, once)
	l.awaitPod(t, "job")
	if err := attach(t, l.cluster, l.pod("job")).End(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, l.cluster, readyTimeout, func() error {
		pod, err := l.cluster.Client().CoreV1().Pods(l.namespace).Get(t.Context(), "job", metav1.GetOptions{})
		if err == nil && pod.Status.Phase != corev1.PodSucceeded {
			err = fmt.Errorf("the pod is %s", pod.Status.Phase)
		}
		return err
	})
}

// testGracePeriod deletes a pod whose agent lingers: it stays in the API, and answers on the
// stream that it had before, until its agent ends. A grace period cannot be made shorter
// everywhere: container runtimes wait for the one that they were told first.
func testGracePeriod(t *testing.T, l *lab) {
	lingers := func(s *corev1.PodSpec) {
		grace := int64(60)
		s.TerminationGracePeriodSeconds = &grace
		s.Containers[0].Args = append(s.Containers[0].Args, "--linger")
	}
	uid := l.createPod(t, "leaver", l.cluster.Nodes()[0].Name, lingers).UID
	l.awaitPod(t, "leaver")
	client, pods := attach(t, l.cluster, l.pod("leaver")), l.cluster.Client().CoreV1().Pods(l.namespace)
	if err := pods.Delete(t.Context(), "leaver", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 30 {
		<-tick.C
		pong, err := client.Ping(t.Context())
		if err != nil || pong.Identity != l.namespace+"/leaver/"+string(uid) {
			t.Fatalf("the pod that is being deleted answers %+v, %v", pong, err)
		}
		if pod, err := pods.Get(t.Context(), "leaver", metav1.GetOptions{}); err != nil || pod.DeletionTimestamp == nil || pod.Status.Phase != corev1.PodRunning {
			t.Fatalf("the pod that is being deleted is %+v, %v", pod, err)
		}
	}
	if err := client.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, l.cluster, 30*time.Second, func() error {
		_, err := pods.Get(t.Context(), "leaver", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("the pod is still there: %w", err)
	})
}
