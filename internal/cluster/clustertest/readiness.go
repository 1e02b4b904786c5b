package clustertest

import (
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/probes"
)

// testReadiness checks that a pod with a readiness probe runs without being ready until
// its node gets through to the port.
func testReadiness(t *testing.T, l *lab) {
	const port, name = 8199, "slow"
	l.createPod(t, name, l.cluster.Nodes()[0].Name, func(spec *corev1.PodSpec) {
		spec.Containers[0].ReadinessProbe = &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(port)}},
			PeriodSeconds: 1, FailureThreshold: 1,
		}
	})
	is := func(ready bool) error {
		pod, err := l.cluster.Client().CoreV1().Pods(l.namespace).Get(t.Context(), name, metav1.GetOptions{})
		switch {
		case err != nil:
			return err
		case pod.Status.Phase != corev1.PodRunning:
			return errors.New("the pod does not run yet")
		case cluster.PodReady(pod) != ready:
			return fmt.Errorf("the pod runs, and is ready: %t", !ready)
		}
		return nil
	}
	eventually(t, l.cluster, readyTimeout, func() error { return is(false) })
	client := attach(t, l.cluster, l.pod(name))
	defer client.Close()
	if err := client.Serve(t.Context(), []probes.Port{{Kind: probes.KindTCP, Number: port}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, l.cluster, readyTimeout, func() error { return is(true) })
	if err := l.cluster.Client().CoreV1().Pods(l.namespace).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// testReadinessGate shuts and opens a pod's readiness gate by a condition in its status:
// the node makes the pod unready, and ready, and its agent is the same all the while.
func testReadinessGate(t *testing.T, l *lab) {
	const name, gate = "gated", corev1.PodConditionType("cniproof.dev/ready")
	l.createPod(t, name, l.cluster.Nodes()[0].Name, func(spec *corev1.PodSpec) {
		spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: gate}}
	})
	pods := l.cluster.Client().CoreV1().Pods(l.namespace)
	is := func(ready bool) {
		eventually(t, l.cluster, readyTimeout, func() error {
			pod, err := pods.Get(t.Context(), name, metav1.GetOptions{})
			switch {
			case err != nil:
				return err
			case readyCondition(pod, corev1.ContainersReady).Status != corev1.ConditionTrue:
				return errors.New("the pod's containers are not ready")
			case cluster.PodReady(pod) != ready:
				return fmt.Errorf("the pod is ready: %t", !ready)
			case !ready && readyCondition(pod, corev1.PodReady).Reason != "ReadinessGatesNotReady":
				return fmt.Errorf("the pod is not ready because of %+v", readyCondition(pod, corev1.PodReady))
			}
			return nil
		})
	}
	is(false) // nobody has written the condition
	client := attach(t, l.cluster, l.pod(name))
	for _, status := range []corev1.ConditionStatus{corev1.ConditionTrue, corev1.ConditionFalse, corev1.ConditionTrue} {
		patch := fmt.Sprintf(`{"status":{"conditions":[{"type":%q,"status":%q}]}}`, gate, status)
		if _, err := pods.Patch(t.Context(), name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
			t.Fatal(err)
		}
		is(status == corev1.ConditionTrue)
		if _, err := client.Ping(t.Context()); err != nil {
			t.Errorf("with the condition %s the agent does not answer: %v", status, err)
		}
	}
	if err := pods.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func readyCondition(pod *corev1.Pod, kind corev1.PodConditionType) corev1.PodCondition {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return corev1.PodCondition{}
}
