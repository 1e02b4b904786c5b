package clustertest

import (
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

// testNodePort checks that a pod is reached over a port of every node, its own and
// another, from its own node, from another and from outside, and no longer once the
// Service is gone.
func testNodePort(t *testing.T, l *lab) {
	services := l.cluster.Client().CoreV1().Services(l.namespace)
	dual := corev1.IPFamilyPolicyPreferDualStack
	service, err := services.Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "everywhere"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeNodePort, Selector: map[string]string{podLabel: "a"}, IPFamilyPolicy: &dual,
			Ports: []corev1.ServicePort{
				{Name: "tcp", Port: podPort, Protocol: corev1.ProtocolTCP},
				{Name: "udp", Port: podPort, Protocol: corev1.ProtocolUDP},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("creating a Service with ports on the nodes: %v", err)
	}
	sources := []flow.Endpoint{l.pod("b"), l.pod("c")}
	if len(l.cluster.External()) > 0 {
		sources = append(sources, flow.External(1))
	}
	for _, from := range sources {
		eventually(t, l.cluster, readyTimeout, func() error { return l.overNodePorts(t, from, service, true) })
	}
	if err := services.Delete(t.Context(), service.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatalf("deleting the Service: %v", err)
	}
	for _, from := range sources {
		eventually(t, l.cluster, readyTimeout, func() error { return l.overNodePorts(t, from, service, false) })
	}
}

// overNodePorts is an error that names each way over a node's port to pod a which did not
// come out as wanted.
func (l *lab) overNodePorts(t *testing.T, from flow.Endpoint, service *corev1.Service, want bool) error {
	t.Helper()
	patience := timeouts()
	if !want {
		patience = shortTimeouts()
	}
	var list []probes.Probe
	for _, node := range l.cluster.Nodes() {
		for _, a := range node.Addrs {
			for _, p := range service.Spec.Ports {
				at := netip.AddrPortFrom(a, uint16(p.NodePort))
				list = append(list, probes.Probe{Kind: probes.Kind(p.Name), Address: at, Timeouts: patience})
			}
		}
	}
	return probe(t, l.cluster, from, list, slices.Repeat([]flow.Endpoint{l.pod("a")}, len(list)), want)
}
