package embedded

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestNetworkReach(t *testing.T) {
	begin := time.Now()
	n, err := newNetwork(true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.close(); err != nil {
			t.Error(err)
		}
	}()
	t.Logf("network: %s", time.Since(begin))
	begin = time.Now()
	var pods []*podNet
	for i := range 3 {
		p, err := n.nodes[i%2].addPod()
		if err != nil {
			t.Fatal(err)
		}
		pods = append(pods, p)
	}
	t.Logf("%d pods: %s", len(pods), time.Since(begin))

	type place struct {
		name  string
		ns    *namespace
		addrs []netip.Addr
	}
	places := []place{}
	for i, p := range pods {
		places = append(places, place{fmt.Sprintf("pod %d", i+1), p.namespace, p.addrs})
	}
	for _, m := range append(n.nodes, n.external...) {
		places = append(places, place{m.Name, m.namespace, m.Addrs})
	}
	for _, from := range places {
		for _, to := range places {
			for i := range to.addrs {
				if from.name != to.name {
					dial(t, from.name+" -> "+to.name, from.ns, to.ns, from.addrs[i], to.addrs[i])
				}
			}
		}
	}
	begin = time.Now()
	for _, p := range pods {
		if err := p.remove(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("removed in %s", time.Since(begin))
}

// dial connects two places and checks that each end sees the other's own address.
func dial(t *testing.T, name string, from, to *namespace, source, address netip.Addr) {
	t.Helper()
	var listener net.Listener
	err := to.do(func() (err error) {
		listener, err = net.Listen("tcp", netip.AddrPortFrom(address, 80).String())
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer listener.Close()
	err = from.do(func() error {
		c, err := net.DialTimeout("tcp", listener.Addr().String(), time.Second)
		if err == nil {
			defer c.Close()
		}
		return err
	})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	c, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr(); got != source {
		t.Errorf("%s: the source is %s, want %s", name, got, source)
	}
}
