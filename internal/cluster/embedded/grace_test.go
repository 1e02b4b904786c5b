package embedded

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestGracePeriod deletes pods whose agents end when they are told, and one whose agent
// does not: it keeps its network, and answers, to the end of its grace period, which may
// be made shorter.
func TestGracePeriod(t *testing.T) {
	e := openTest(t)
	pods := e.client.CoreV1().Pods("default")
	long := func(name string, args ...string) *corev1.Pod {
		pod, grace := testPod(name), int64(100)
		pod.Spec.TerminationGracePeriodSeconds = &grace
		pod.Spec.Containers[0].Args = append([]string{"--control", "socket"}, args...)
		return startPod(t, e, pod)
	}
	long("obedient")
	lingering := long("lingering", "--linger")
	for _, name := range []string{"obedient", "lingering"} {
		if err := pods.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	awaitNoPod(t, e, "obedient")
	got, err := pods.Get(t.Context(), "lingering", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(got.DeletionTimestamp.Time); left < 90*time.Second || *got.DeletionGracePeriodSeconds != 100 || got.Status.Phase != corev1.PodRunning {
		t.Errorf("it ends in %s, after a grace period of %d s, and is %s", left, *got.DeletionGracePeriodSeconds, got.Status.Phase)
	}
	client := attachTo(t, e, "lingering")
	if pong, err := client.Ping(t.Context()); err != nil || pong.Identity != "default/lingering/"+string(lingering.UID) {
		t.Errorf("a pod that lingers answers %+v, %v", pong, err)
	}
	long100, one := int64(1000), int64(1)
	for _, grace := range []*int64{&long100, &one} {
		if err := pods.Delete(t.Context(), "lingering", metav1.DeleteOptions{GracePeriodSeconds: grace}); err != nil {
			t.Fatal(err)
		}
		if *grace == long100 {
			same, err := pods.Get(t.Context(), "lingering", metav1.GetOptions{})
			if err != nil || !same.DeletionTimestamp.Equal(got.DeletionTimestamp) {
				t.Errorf("a grace period cannot be made longer: %v, %v", same, err)
			}
		}
	}
	awaitNoPod(t, e, "lingering")
}

// TestGraceOfACompletedPod is none: there is nothing left that could use it.
func TestGraceOfACompletedPod(t *testing.T) {
	e := openTest(t)
	pod, grace := testPod("done"), int64(100)
	pod.Spec.TerminationGracePeriodSeconds, pod.Spec.RestartPolicy = &grace, corev1.RestartPolicyNever
	startPod(t, e, pod)
	if err := attachTo(t, e, "done").End(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, e, "done", func(pod *corev1.Pod) bool { return pod.Status.Phase == corev1.PodSucceeded })
	if err := e.client.CoreV1().Pods("default").Delete(t.Context(), "done", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitNoPod(t, e, "done")
}

// awaitNoPod fails where the pod is there longer than any process takes to end.
func awaitNoPod(t *testing.T, e *embedded, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, err := e.client.CoreV1().Pods("default").Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("pod %s is still there", name)
		}
	}
}
