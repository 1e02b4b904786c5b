package embedded

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

// TestServiceForgetsAPodThatIsGone sends datagrams from one port to a Service, before
// and after the pod behind it was replaced: they must not go to the old one's address.
func TestServiceForgetsAPodThatIsGone(t *testing.T) {
	e := openTest(t)
	startPod(t, e, testPod("client"))
	service, err := e.client.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "a"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "a"},
			Ports:    []corev1.ServicePort{{Port: 5353, Protocol: corev1.ProtocolUDP}},
		},
	}, createOptions())
	if err != nil {
		t.Fatal(err)
	}
	to := netip.AddrPortFrom(netip.MustParseAddr(service.Spec.ClusterIP), 5353)
	for _, name := range []string{"first", "second"} {
		pod := testPod(name)
		pod.Labels = map[string]string{"app": "a"}
		startPod(t, e, pod)
		if err := attachTo(t, e, name).Serve(t.Context(), []probes.Port{{Kind: probes.KindUDP, Number: 5353}}); err != nil {
			t.Fatal(err)
		}
		awaitAnswer(t, e, to)
		if err := sendFrom(e.network.nodes[0], 20001, to); err != nil {
			t.Errorf("with the %s pod: %v", name, err)
		}
		if err := e.client.CoreV1().Pods("default").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func awaitAnswer(t *testing.T, e *embedded, to netip.AddrPort) {
	t.Helper()
	probe := probes.Probe{Kind: probes.KindUDP, Address: to, Timeouts: []time.Duration{300 * time.Millisecond}}
	for begin := time.Now(); time.Since(begin) < 20*time.Second; {
		results, err := attachTo(t, e, "client").Probe(t.Context(), []probes.Probe{probe})
		if err != nil {
			t.Fatal(err)
		}
		if results[0].Outcome == flow.Connected {
			return
		}
	}
	t.Fatalf("nobody answers at %s", to)
}

// sendFrom sends a datagram that no agent answers. What it returns is the network's
// complaint; none comes where a pod has taken it.
func sendFrom(m *machine, port int, to netip.AddrPort) error {
	return m.do(func() error {
		conn, err := net.DialUDP("udp", &net.UDPAddr{Port: port}, net.UDPAddrFromAddrPort(to))
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("?")); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			return err
		}
		if _, err := conn.Read(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		return nil
	})
}
