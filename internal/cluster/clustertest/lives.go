package clustertest

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
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
