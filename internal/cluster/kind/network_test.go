package kind

import (
	"net/netip"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

func TestRoutesLeadToTheNodeThatHasTheRange(t *testing.T) {
	nodes := []corev1.Node{
		nodeWith([]string{"10.244.0.0/24", "fd00::/64"}, "172.18.0.2", "fc00::2"),
		nodeWith([]string{"10.244.1.0/24", "fd00:0:0:1::/64"}, "172.18.0.3", "fc00::3"),
	}
	got := routes(nodes, []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16")})
	want := "route replace 10.244.0.0/24 via 172.18.0.2\nroute replace 10.244.1.0/24 via 172.18.0.3\nroute replace 10.244.0.0/16 via 172.18.0.2\n"
	if got["-4"] != want {
		t.Errorf("IPv4:\n%swant\n%s", got["-4"], want)
	}
	if !strings.Contains(got["-6"], "route replace fd00:0:0:1::/64 via fc00::3\n") {
		t.Errorf("IPv6:\n%s", got["-6"])
	}
}

func nodeWith(cidrs []string, addrs ...string) corev1.Node {
	n := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}, Spec: corev1.NodeSpec{PodCIDRs: cidrs}}
	for _, a := range addrs {
		n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: a})
	}
	n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeHostName, Address: "n"})
	return n
}
