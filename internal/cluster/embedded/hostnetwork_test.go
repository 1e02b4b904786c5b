package embedded

import (
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

// TestHostNetwork runs two pods on the network of one node, beside its own agent: each
// has the node's addresses, and control streams of its own. The node stays when they go.
func TestHostNetwork(t *testing.T) {
	e := openTest(t)
	const port = 19480
	for i, name := range []string{"one", "two"} {
		pod := testPod(name)
		pod.Spec.HostNetwork, pod.Spec.NodeSelector = true, map[string]string{corev1.LabelHostname: "node-1"}
		pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: cluster.SocketVariable, Value: "$(POD_UID)"}}
		pod = startPod(t, e, pod)
		var addrs []netip.Addr
		for _, ip := range pod.Status.PodIPs {
			addrs = append(addrs, netip.MustParseAddr(ip.IP))
		}
		if !slices.Equal(addrs, e.Nodes()[0].Addrs) {
			t.Errorf("pod %s has %v, its node %v", name, addrs, e.Nodes()[0].Addrs)
		}
		client := attachTo(t, e, name)
		if pong, err := client.Ping(t.Context()); err != nil || pong.Identity != "default/"+name+"/"+string(pod.UID) {
			t.Errorf("the agent of pod %s answers %+v, %v", name, pong, err)
		}
		if err := client.Serve(t.Context(), []probes.Port{{Kind: probes.KindTCP, Number: uint16(port + i)}}); err != nil {
			t.Fatal(err)
		}
	}
	startPod(t, e, testPod("client"))
	for _, r := range dialTCP(t, e, "client", netip.AddrPortFrom(e.Nodes()[0].Addrs[0], port+1), 3) {
		two, _ := object[*corev1.Pod](e.api, podsResource, "default", "two")
		if r.Outcome != flow.Connected || r.Peer != "default/two/"+string(two.UID) {
			t.Errorf("the node's port leads to %+v", r)
		}
	}
	if err := e.client.CoreV1().Pods("default").Delete(t.Context(), "two", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitNoPod(t, e, "two")
	if pong, err := attachTo(t, e, "one").Ping(t.Context()); err != nil || len(pong.Serving) != 1 {
		t.Errorf("when the other pod is gone, the agent answers %+v, %v", pong, err)
	}
	if r := dialTCP(t, e, "client", netip.AddrPortFrom(e.Nodes()[0].Addrs[0], port), 1); r[0].Outcome != flow.Connected {
		t.Errorf("when the other pod is gone: %+v", r)
	}
}
