package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// stack is the IP stack of one machine or pod: a network namespace and a netlink
// handle into it.
type stack struct {
	*namespace
	nl *netlink.Handle
}

// setting is a sysctl of a network namespace, its name written as a path.
type setting struct {
	name, value string
	likely      bool // most namespaces begin with this value
	optional    bool // not every kernel has it, or lets a namespace set it
}

// newStack makes a namespace with the given settings and its loopback device up.
func newStack(settings ...[]setting) (*stack, error) {
	s := &stack{}
	ns, err := newNamespace(func() error {
		for _, list := range settings {
			if err := writeSettings(list); err != nil {
				return err
			}
		}
		nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("opening netlink: %w", err)
		}
		s.nl = nl
		return nil
	})
	if err != nil {
		s.hangUp()
		return nil, err
	}
	s.namespace = ns
	if err := s.up("lo"); err != nil {
		_ = s.close()
		return nil, err
	}
	return s, nil
}

// writeSettings writes sysctls of the calling thread's network namespace.
func writeSettings(list []setting) error {
	for _, s := range list {
		err := s.write()
		if err == nil || s.optional {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(s.name, "ipv6/") {
			continue // a kernel without IPv6
		}
		return fmt.Errorf("setting net/%s to %s: %w", s.name, s.value, err)
	}
	return nil
}

// write spares the kernel a write that likely changes nothing: some take a global lock.
func (s setting) write() error {
	path := "/proc/sys/net/" + s.name
	if s.likely {
		if now, err := os.ReadFile(path); err == nil && firstWord(now) == s.value {
			return nil
		}
	}
	return os.WriteFile(path, []byte(s.value), 0)
}

// hangUp closes the netlink handle: the stack cannot be changed any more.
func (s *stack) hangUp() {
	if s.nl != nil {
		s.nl.Close()
		s.nl = nil
	}
}

func (s *stack) close() error {
	s.hangUp()
	return s.namespace.close()
}

// up switches a device on.
func (s *stack) up(device string) error {
	link, err := s.nl.LinkByName(device)
	if err != nil {
		return fmt.Errorf("finding device %q: %w", device, err)
	}
	if err := s.nl.LinkSetUp(link); err != nil {
		return fmt.Errorf("switching on device %q: %w", device, err)
	}
	return nil
}

// cable is a pair of devices that joins two stacks.
type cable struct {
	name, peerName string
	mac, peerMAC   net.HardwareAddr
}

// plug joins the stack to a peer and switches both ends on, the peer's first.
func (s *stack) plug(peer *stack, c cable) (own, other netlink.Link, err error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = c.name, c.mac
	veth := &netlink.Veth{
		LinkAttrs: attrs, PeerName: c.peerName, PeerHardwareAddr: c.peerMAC,
		PeerNamespace: netlink.NsFd(peer.fd()),
	}
	if err := s.nl.LinkAdd(veth); err != nil {
		return nil, nil, fmt.Errorf("making the veth pair %s and %s: %w", c.name, c.peerName, err)
	}
	if other, err = peer.nl.LinkByName(c.peerName); err != nil {
		return nil, nil, fmt.Errorf("finding device %q: %w", c.peerName, err)
	}
	if own, err = s.nl.LinkByName(c.name); err != nil {
		return nil, nil, fmt.Errorf("finding device %q: %w", c.name, err)
	}
	if err := peer.nl.LinkSetUp(other); err != nil {
		return nil, nil, fmt.Errorf("switching on device %q: %w", c.peerName, err)
	}
	if err := s.nl.LinkSetUp(own); err != nil {
		return nil, nil, fmt.Errorf("switching on device %q: %w", c.name, err)
	}
	return own, other, nil
}

// address gives a device an address, without the delay of duplicate detection.
func (s *stack) address(link netlink.Link, p netip.Prefix) error {
	addr := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		addr.Flags = unix.IFA_F_NODAD
	}
	if err := s.nl.AddrAdd(link, addr); err != nil {
		return fmt.Errorf("adding address %s: %w", p, err)
	}
	return nil
}

// neighbour tells the stack once and for all who has an address, so that neither
// ARP nor neighbour discovery is ever needed, delayed or filtered.
func (s *stack) neighbour(link netlink.Link, a netip.Addr, mac net.HardwareAddr) error {
	err := s.nl.NeighSet(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, IP: a.AsSlice(), HardwareAddr: mac, State: netlink.NUD_PERMANENT,
	})
	if err != nil {
		return fmt.Errorf("adding neighbour %s: %w", a, err)
	}
	return nil
}

// route leads to a range over a device: via a gateway, or directly where via is
// the zero address. A source that is not zero is preferred for own packets.
func (s *stack) route(link netlink.Link, to netip.Prefix, via, source netip.Addr) error {
	r := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(to), Protocol: unix.RTPROT_STATIC}
	if via.IsValid() {
		r.Gw, r.Flags = via.AsSlice(), unix.RTNH_F_ONLINK
	} else if to.Addr().Is4() {
		r.Scope = unix.RT_SCOPE_LINK
	}
	if source.IsValid() {
		r.Src = source.AsSlice()
	}
	if err := s.nl.RouteAdd(r); err != nil {
		return fmt.Errorf("adding a route to %s: %w", to, err)
	}
	return nil
}

// kernelTimeout bounds the wait for what the kernel does in the background; that
// takes well below a millisecond, unless many namespaces come and go.
const kernelTimeout = 20 * time.Second

// await tries f until it says yes.
func await(what string, f func() (bool, error)) error {
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for end := time.Now().Add(kernelTimeout); ; <-tick.C {
		if yes, err := f(); yes || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("waiting for %s: still not after %s", what, kernelTimeout)
		}
	}
}

// awaitCarrier returns when the device passes packets on. The kernel takes note of
// a carrier in the background, and drops what is sent before.
func (s *stack) awaitCarrier(link netlink.Link) error {
	name := link.Attrs().Name
	return await(fmt.Sprintf("the carrier of device %q", name), func() (bool, error) {
		now, err := s.nl.LinkByIndex(link.Attrs().Index)
		if err != nil {
			return false, fmt.Errorf("looking at device %q: %w", name, err)
		}
		return now.Attrs().OperState == netlink.OperUp, nil
	})
}

// awaitAddresses returns when the stack takes what comes to its own addresses. The
// kernel takes note of an IPv6 address in the background.
func (s *stack) awaitAddresses(list []netip.Addr) error {
	for _, a := range list {
		err := await(fmt.Sprintf("the address %s", a), func() (bool, error) {
			routes, err := s.nl.RouteGet(a.AsSlice())
			return err == nil && len(routes) == 1 && routes[0].Type == unix.RTN_LOCAL, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
