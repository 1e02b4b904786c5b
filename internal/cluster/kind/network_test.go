package kind

import (
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestPartsOfAPrefix(t *testing.T) {
	for _, row := range []struct {
		prefix string
		bits   int
		number uint8
		want   string
	}{
		{"172.18.0.0/16", 1, 0, "172.18.0.0/17"},
		{"172.18.0.0/16", 3, 7, "172.18.224.0/19"},
		{"192.168.16.0/20", 3, 7, "192.168.30.0/23"},
		{"fd12:3456::/64", 3, 7, "fd12:3456:0:0:e000::/67"},
		{"10.0.0.0/8", 2, 1, "10.64.0.0/10"},
	} {
		if got := part(netip.MustParsePrefix(row.prefix), row.bits, row.number); got.String() != row.want {
			t.Errorf("part %d of 2^%d of %s is %s, want %s", row.number, row.bits, row.prefix, got, row.want)
		}
	}
}

// TestOutsideIsApartFromNodes checks that Docker never gives a node an address of the outside.
func TestOutsideIsApartFromNodes(t *testing.T) {
	n := network{v4: netip.MustParsePrefix("172.18.0.0/16"), v6: localRange()}
	outside := n.outside()
	for i, whole := range []netip.Prefix{n.v4, n.v6} {
		if nodes := part(whole, 1, 0); nodes.Overlaps(outside[i]) || !whole.Overlaps(outside[i]) {
			t.Errorf("nodes get %s, the outside is %s of %s", nodes, outside[i], whole)
		}
	}
	seen := map[netip.Addr]bool{}
	for host := range outsideHosts {
		for i, a := range n.outsideAddrs(host) {
			if seen[a] || !outside[i].Contains(a) {
				t.Errorf("host %d has %s: outside is %v", host, a, outside)
			}
			seen[a] = true
		}
	}
}

func TestRoutesLeadToAPodsNode(t *testing.T) {
	known := map[netip.Addr]netip.Addr{}
	pod := podOn("172.18.0.2", "10.244.73.65")
	if got := routesTo(pod, known); !slices.Equal(got, []string{"route replace 10.244.73.65/32 via 172.18.0.2\n"}) {
		t.Errorf("a new pod: %q", got)
	}
	if got := routesTo(pod, known); len(got) > 0 {
		t.Errorf("the same pod again: %q", got)
	}
	if got := routesTo(podOn("172.18.0.3", "10.244.73.65"), known); len(got) != 1 {
		t.Errorf("a pod on another node that got the address: %q", got)
	}
	dual := podOn("172.18.0.2", "10.244.73.66", "fd00::1")
	dual.Status.HostIPs = append(dual.Status.HostIPs, corev1.HostIP{IP: "fc00::2"})
	if got := routesTo(dual, known); len(got) != 2 || got[1] != "route replace fd00::1/128 via fc00::2\n" {
		t.Errorf("a pod of both families: %q", got)
	}
	onHost := podOn("172.18.0.2", "172.18.0.2")
	onHost.Spec.HostNetwork = true
	if got := append(routesTo(onHost, known), routesTo(podOn("172.18.0.2"), known)...); len(got) > 0 {
		t.Errorf("pods without an address of their own: %q", got)
	}
}

func podOn(node string, addrs ...string) *corev1.Pod {
	pod := &corev1.Pod{Status: corev1.PodStatus{HostIPs: []corev1.HostIP{{IP: node}}}}
	for _, a := range addrs {
		pod.Status.PodIPs = append(pod.Status.PodIPs, corev1.PodIP{IP: a})
	}
	return pod
}
