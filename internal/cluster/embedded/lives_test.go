package embedded

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/probes"
)

// TestAddressComesRoundAgain lets a pod complete and starts others until one has its
// address, which no pod has before every other address was given out.
func TestAddressComesRoundAgain(t *testing.T) {
	e := openTest(t)
	node := func(pod *corev1.Pod) *corev1.Pod {
		pod.Spec.NodeSelector = map[string]string{corev1.LabelHostname: "node-2"}
		return pod
	}
	first := node(testPod("first"))
	first.Spec.RestartPolicy = corev1.RestartPolicyNever
	had := startPod(t, e, first).Status.PodIP
	if err := attachTo(t, e, "first").End(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, e, "first", func(pod *corev1.Pod) bool { return pod.Status.Phase == corev1.PodSucceeded })
	seen := map[string]bool{}
	for range 254 {
		pod := startPod(t, e, node(generated("next-")))
		if seen[pod.Status.PodIP] {
			t.Fatalf("%s is given out again after %d others, before %s", pod.Status.PodIP, len(seen), had)
		}
		seen[pod.Status.PodIP] = true
		if pod.Status.PodIP == had {
			break
		}
		if err := e.client.CoreV1().Pods("default").Delete(t.Context(), pod.Name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if !seen[had] || len(seen) != 254 {
		t.Fatalf("%d addresses, that of the completed pod among them: %v", len(seen), seen[had])
	}
	if err := e.client.CoreV1().Pods("default").Delete(t.Context(), "first", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	late := startPod(t, e, node(testPod("late")))
	if late.Status.PodIP == had {
		t.Errorf("%s belongs to two pods after the completed one was deleted", had)
	}
}

// TestInitContainers runs two before the agent: what they leave behind is in the status,
// and the pod is not ready before they have ended.
func TestInitContainers(t *testing.T) {
	e := openTest(t)
	pod := testPod("slow")
	for _, name := range []string{"one", "two"} {
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, corev1.Container{
			Name: name, Image: "agent", Args: []string{"dial", "--for", "100ms", "--dial", "udp://127.0.0.1:9"},
		})
	}
	got := startPod(t, e, pod)
	if len(got.Status.InitContainerStatuses) != 2 {
		t.Fatalf("the status is %+v", got.Status)
	}
	for _, c := range got.Status.InitContainerStatuses {
		end := c.State.Terminated
		if end == nil || end.ExitCode != 0 {
			t.Errorf("container %s: %+v", c.Name, c.State)
			continue
		}
		record, err := probes.ReadLastWords(end.Message)
		if err != nil || len(record.Targets) != 1 || record.Age < 100*time.Millisecond {
			t.Errorf("container %s left %+v, %v", c.Name, record, err)
		}
	}
}

// TestInitSidecar has one that is to run for as long as the pod does, and one after it.
func TestInitSidecar(t *testing.T) {
	e := openTest(t)
	always := corev1.ContainerRestartPolicyAlways
	pod := testPod("escorted")
	pod.Spec.InitContainers = []corev1.Container{
		{Name: "sidecar", Image: "agent", RestartPolicy: &always},
		{Name: "one", Image: "agent", Args: []string{"dial", "--for", "100ms", "--dial", "udp://127.0.0.1:9"}},
	}
	got := startPod(t, e, pod).Status.InitContainerStatuses
	if len(got) != 2 || got[0].State.Running == nil || got[1].State.Terminated == nil {
		t.Errorf("the init containers are %+v", got)
	}
}

// TestInitContainerThatFails is started again, and the pod waits for it; one of a pod that
// runs once is not.
func TestInitContainerThatFails(t *testing.T) {
	e := openTest(t)
	pod := testPod("failing")
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	pod.Spec.InitContainers = []corev1.Container{{Name: "one", Image: "agent", Args: []string{"dial"}}}
	if _, err := e.client.CoreV1().Pods("default").Create(t.Context(), pod, createOptions()); err != nil {
		t.Fatal(err)
	}
	got := waitFor(t, e, "failing", func(pod *corev1.Pod) bool { return pod.Status.Phase == corev1.PodFailed })
	if c := got.Status.InitContainerStatuses; len(c) != 1 || c[0].State.Terminated.ExitCode == 0 || c[0].State.Terminated.Message == "" {
		t.Errorf("its init containers are %+v", c)
	}
}
