package embedded

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"

	"github.com/vishvananda/netlink"

	"github.com/cniproof/cniproof/internal/cluster"
)

const (
	nodeCount     = 2
	externalCount = 2
)

// Sysctls of the namespaces. A new namespace inherits some of the host's values,
// so what matters is set, whatever the kernel's default is.
//
//nolint:gochecknoglobals // constant tables
var (
	everySettings = []setting{
		{name: "ipv4/ip_unprivileged_port_start", value: "0"},
		{name: "ipv6/conf/all/disable_ipv6", value: "0", likely: true},
		{name: "ipv6/conf/default/disable_ipv6", value: "0", likely: true},
		{name: "ipv6/conf/default/addr_gen_mode", value: "1"}, // no link-local addresses
		// ICMP without a privilege, as in pods of a real cluster.
		{name: "ipv4/ping_group_range", value: "0 2147483647", optional: true},
		// A refused probe is told so every time, not once a second.
		{name: "ipv4/icmp_ratelimit", value: "0", optional: true},
		{name: "ipv4/icmp_msgs_per_sec", value: "1000000", optional: true},
		{name: "ipv4/icmp_msgs_burst", value: "1000000", optional: true},
		{name: "ipv6/icmp/ratelimit", value: "0", optional: true},
	}
	nodeSettings = []setting{
		{name: "ipv4/conf/all/rp_filter", value: "0", likely: true},
		{name: "ipv4/conf/default/rp_filter", value: "0", likely: true},
		{name: "ipv4/ip_forward", value: "1"},
		{name: "ipv6/conf/all/forwarding", value: "1"},
		// Every probe is a new connection: finished ones must not fill the table.
		{name: "netfilter/nf_conntrack_tcp_timeout_time_wait", value: "5", optional: true},
		{name: "netfilter/nf_conntrack_tcp_timeout_close", value: "2", optional: true},
		{name: "netfilter/nf_conntrack_tcp_timeout_close_wait", value: "5", optional: true},
		{name: "netfilter/nf_conntrack_tcp_timeout_last_ack", value: "5", optional: true},
		{name: "netfilter/nf_conntrack_udp_timeout", value: "10", optional: true},
		{name: "netfilter/nf_conntrack_udp_timeout_stream", value: "10", optional: true},
		{name: "netfilter/nf_conntrack_sctp_timeout_cookie_wait", value: "3", optional: true},
	}
)

// network is the machines of a cluster, joined by a bridge.
type network struct {
	ipv6     bool
	fabric   *stack
	nodes    []*machine
	external []*machine
}

// machine is a node or a host outside the cluster.
type machine struct {
	*stack
	cluster.Host
	mac    net.HardwareAddr
	uplink netlink.Link // to the bridge
	port   netlink.Link // the bridge's end of it

	// Of nodes only.
	number   int
	podCIDRs []netip.Prefix
	free     *ordinals    // of pod addresses
	made     atomic.Int64 // pods so far
}

// hasIPv6 reports whether the kernel speaks IPv6.
func hasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6")
	return err == nil
}

// newNetwork makes the nodes and the hosts outside, each of which reaches each
// other and the pods that are yet to come.
func newNetwork(ipv6 bool) (_ *network, err error) {
	n := &network{ipv6: ipv6}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if err := n.makeFabric(); err != nil {
		return nil, err
	}
	for i := 1; i <= nodeCount; i++ {
		if err := n.addNode(i); err != nil {
			return nil, err
		}
	}
	for i := 1; i <= externalCount; i++ {
		if err := n.addExternal(i); err != nil {
			return nil, err
		}
	}
	if err := n.introduce(); err != nil {
		return nil, err
	}
	return n, nil
}

func (n *network) makeFabric() (err error) {
	if n.fabric, err = newStack(everySettings); err != nil {
		return err
	}
	attrs, snoop := netlink.NewLinkAttrs(), false
	attrs.Name = "br0"
	if err := n.fabric.nl.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snoop}); err != nil {
		return fmt.Errorf("making a bridge: %w", err)
	}
	return n.fabric.up("br0")
}

func (n *network) addNode(i int) error {
	m := &machine{
		Host:     cluster.Host{Name: fmt.Sprintf("node-%d", i), Addrs: every(families(nodeCIDRs, n.ipv6), i)},
		mac:      net.HardwareAddr{2, 0, 0, 0, 1, byte(i)},
		number:   i,
		podCIDRs: families(nodePodCIDRs(i), n.ipv6),
	}
	m.free = newOrdinals(1<<(32-m.podCIDRs[0].Bits()) - 2)
	if err := n.attach(m, everySettings, nodeSettings); err != nil {
		return fmt.Errorf("making node %q: %w", m.Name, err)
	}
	n.nodes = append(n.nodes, m)
	return nil
}

func (n *network) addExternal(i int) error {
	m := &machine{
		Host: cluster.Host{Name: fmt.Sprintf("external-%d", i), Addrs: every(families(externalCIDRs, n.ipv6), i)},
		mac:  net.HardwareAddr{2, 0, 0, 0, 2, byte(i)},
	}
	if err := n.attach(m, everySettings); err != nil {
		return fmt.Errorf("making outside host %q: %w", m.Name, err)
	}
	n.external = append(n.external, m)
	return nil
}

// attach makes the machine's stack, its cable to the bridge and its addresses.
func (n *network) attach(m *machine, settings ...[]setting) (err error) {
	if m.stack, err = newStack(settings...); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = m.close()
		}
	}()
	own, port, err := m.plug(n.fabric, cable{name: "eth0", peerName: m.Name, mac: m.mac})
	if err != nil {
		return err
	}
	m.uplink, m.port = own, port
	bridge, err := n.fabric.nl.LinkByName("br0")
	if err != nil {
		return fmt.Errorf("finding the bridge: %w", err)
	}
	if err := n.fabric.nl.LinkSetMaster(port, bridge); err != nil {
		return fmt.Errorf("plugging %q into the bridge: %w", m.Name, err)
	}
	for _, a := range m.Addrs {
		if err := m.address(own, host(a)); err != nil {
			return err
		}
	}
	return nil
}

// introduce tells every machine the way to every other one, and the way to the
// pods: a node forwards to its own, the other machines go by way of the node.
func (n *network) introduce() error {
	for _, m := range append(n.nodes[:len(n.nodes):len(n.nodes)], n.external...) {
		if err := n.introduceTo(m); err != nil {
			return fmt.Errorf("routing on %q: %w", m.Name, err)
		}
		err := errors.Join(m.awaitCarrier(m.uplink), n.fabric.awaitCarrier(m.port), m.awaitAddresses(m.Addrs))
		if err != nil {
			return fmt.Errorf("switching on %q: %w", m.Name, err)
		}
	}
	return nil
}

func (n *network) introduceTo(m *machine) error {
	for i, own := range m.Addrs {
		for _, peer := range append(n.nodes[:len(n.nodes):len(n.nodes)], n.external...) {
			if peer == m {
				continue
			}
			if err := m.neighbour(m.uplink, peer.Addrs[i], peer.mac); err != nil {
				return err
			}
			if err := m.route(m.uplink, host(peer.Addrs[i]), netip.Addr{}, own); err != nil {
				return err
			}
			if peer.podCIDRs == nil {
				continue
			}
			if err := m.route(m.uplink, peer.podCIDRs[i], peer.Addrs[i], own); err != nil {
				return err
			}
		}
		if m.podCIDRs == nil {
			continue
		}
		// So that a ClusterIP has a route before it is translated.
		if err := m.route(m.uplink, serviceCIDRs[i], netip.Addr{}, own); err != nil {
			return err
		}
	}
	return nil
}

// close lets go of every namespace; the kernel takes them down when the last
// process has left them.
func (n *network) close() error {
	var errs []error
	for _, m := range append(n.nodes[:len(n.nodes):len(n.nodes)], n.external...) {
		errs = append(errs, m.close())
	}
	if n.fabric != nil {
		errs = append(errs, n.fabric.close())
	}
	return errors.Join(errs...)
}

func hosts(machines []*machine) []cluster.Host {
	list := make([]cluster.Host, len(machines))
	for i, m := range machines {
		list[i] = m.Host
	}
	return list
}
