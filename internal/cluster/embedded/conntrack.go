package embedded

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// stale matches the kernel's entries for connections without an end of their own, UDP,
// that lead from a frontend to a pod which is no longer behind it. Whoever dials from
// the same port again within their time would reach that pod's old address. kube-proxy
// removes them, too.
type stale struct {
	gone []element
	all  translations // in force by now
}

// staleAfter is what a change leaves behind, of Services that are still there.
func (p *serviceProxy) staleAfter(c change, wanted translations) stale {
	s := stale{all: wanted}
	for _, e := range c.gone {
		if e.protocol == unix.IPPROTO_UDP && p.isFrontend(e.frontend) {
			s.gone = append(s.gone, e)
		}
	}
	return s
}

func (p *serviceProxy) isFrontend(f frontend) bool {
	for _, service := range p.services {
		if !slices.Contains(service.Spec.ClusterIPs, f.addr.String()) {
			continue
		}
		for i := range service.Spec.Ports {
			port := &service.Spec.Ports[i]
			if uint16(port.Port) == f.port && protocolNumber(port.Protocol) == f.protocol {
				return true
			}
		}
	}
	return false
}

// MatchConntrackFlow reports whether an entry is stale.
func (s stale) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	to, ok := netip.AddrFromSlice(flow.Forward.DstIP)
	from, isAddr := netip.AddrFromSlice(flow.Reverse.SrcIP)
	if !ok || !isAddr || flow.Forward.Protocol != unix.IPPROTO_UDP {
		return false
	}
	f := frontend{to.Unmap(), flow.Forward.Protocol, flow.Forward.DstPort}
	if !slices.ContainsFunc(s.gone, func(e element) bool { return e.frontend == f }) {
		return false
	}
	return !slices.Contains(s.all[f], netip.AddrPortFrom(from.Unmap(), flow.Reverse.SrcPort))
}

// forget removes what is stale from a node's table of connections.
func (m *machine) forget(s stale) error {
	if len(s.gone) == 0 {
		return nil
	}
	handle, err := netlink.NewHandleAt(netns.NsHandle(m.fd()), unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("connecting to the connection tracking of %q: %w", m.Name, err)
	}
	defer handle.Close()
	var errs []error
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		if !slices.ContainsFunc(s.gone, func(e element) bool { return e.addr.Is4() == (family == unix.AF_INET) }) {
			continue
		}
		// A dump that was interrupted by changes has still been walked.
		if _, err := handle.ConntrackDeleteFilters(netlink.ConntrackTable, family, s); err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			errs = append(errs, fmt.Errorf("forgetting old connections on %q: %w", m.Name, err))
		}
	}
	return errors.Join(errs...)
}
