package embedded

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// podNet is the network of one pod: a stack of its own and a cable to its node.
//
// There is no bridge, no proxy and no shared subnet on a node: the pod sends all to
// a gateway that exists as a permanent neighbour entry only, and the node has a
// route and a neighbour entry for each of the pod's addresses.
type podNet struct {
	*namespace
	node    *machine
	addrs   []netip.Addr
	ordinal int
	link    netlink.Link // the node's end; nil of a pod on the node's own network
}

// hostNet is the network of a pod that has none but the node's.
func (m *machine) hostNet() *podNet { return &podNet{namespace: m.namespace, node: m, addrs: m.Addrs} }

// errNoAddress says that every pod address of a node is taken.
var errNoAddress = errors.New("no pod address is free")

// addPod makes the network of a new pod on the node.
func (m *machine) addPod() (*podNet, error) {
	ordinal, ok := m.free.take()
	if !ok {
		return nil, fmt.Errorf("node %q: %w", m.Name, errNoAddress)
	}
	p := &podNet{node: m, ordinal: ordinal, addrs: every(m.podCIDRs, ordinal)}
	if err := p.wire(); err != nil {
		m.free.give(ordinal)
		return nil, fmt.Errorf("making the network of a pod on %q: %w", m.Name, err)
	}
	return p, nil
}

// wire makes the stack and the cable. The name of the cable's end is new each time: the
// kernel may still have that of the pod which had the addresses before.
func (p *podNet) wire() error {
	s, err := newStack(everySettings)
	if err != nil {
		return err
	}
	defer s.hangUp()
	p.namespace = s.namespace
	mac := podMAC(p.addrs[0])
	own, other, err := s.plug(p.node.stack, cable{
		name: "eth0", mac: mac, peerName: fmt.Sprintf("pod%d", p.node.made.Add(1)), peerMAC: nodeMAC,
	})
	if err != nil {
		return errors.Join(err, s.close())
	}
	p.link = other
	for i, a := range p.addrs {
		err = errors.Join(err,
			s.address(own, host(a)),
			s.neighbour(own, gateways[i], nodeMAC),
			s.route(own, netip.PrefixFrom(zero(a), 0), gateways[i], netip.Addr{}),
			p.node.neighbour(other, a, mac),
			p.node.route(other, host(a), netip.Addr{}, p.node.Addrs[i]))
	}
	if err == nil {
		err = errors.Join(s.awaitCarrier(own), p.node.awaitCarrier(other), s.awaitAddresses(p.addrs))
	}
	if err != nil {
		return errors.Join(err, s.close())
	}
	return nil
}

func zero(like netip.Addr) netip.Addr {
	if like.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// remove takes the pod off its node. Its devices go when the kernel takes down the
// namespace, which it does in the background because that is slow.
func (p *podNet) remove() error {
	if p.link == nil {
		return nil
	}
	var errs []error
	for _, a := range p.addrs {
		r := &netlink.Route{LinkIndex: p.link.Attrs().Index, Dst: ipNet(host(a))}
		if a.Is4() {
			r.Scope = netlink.SCOPE_LINK
		}
		if err := p.node.nl.RouteDel(r); err != nil {
			errs = append(errs, fmt.Errorf("removing the route to pod %s: %w", a, err))
		}
	}
	return errors.Join(append(errs, p.close())...)
}

// release gives the pod's addresses back. Nothing may refer to them any more.
func (p *podNet) release() {
	if p.link != nil {
		p.node.free.give(p.ordinal)
	}
}
