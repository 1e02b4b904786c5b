package clustertest

import (
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
