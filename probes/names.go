//go:build linux

package probes

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// lookUp is where a probe with a name dials: the address of the probe's family that its
// resolver answers with. It is given the time of all the probe's attempts.
func (a *Agent) lookUp(p *Probe) (netip.AddrPort, error) {
	kind := dnsmessage.TypeAAAA
	if p.Address.Addr().Unmap().Is4() {
		kind = dnsmessage.TypeA
	}
	q, err := newQuery(p.Name, kind)
	if err != nil {
		return netip.AddrPort{}, err
	}
	var timeout time.Duration
	for _, t := range p.Timeouts {
		timeout += t
	}
	asked := Probe{Kind: KindDNSUDP, Address: p.Resolver, Query: p.Name, Timeouts: []time.Duration{timeout}}
	proto, try, err := a.prepare(&asked)
	if err != nil {
		return netip.AddrPort{}, err
	}
	proto.dial = func(try attempt) (string, error) { return exchange(try, q.packed, q.parse) }
	try.begin, try.timeout = time.Now(), timeout
	answer, err := a.attempt(proto, &asked, try)
	if err != nil {
		return netip.AddrPort{}, localf("could not tell: looking up %s at %s: %w", p.Name, p.Resolver, err)
	}
	first, _, _ := strings.Cut(answer, ",")
	addr, err := netip.ParseAddr(first)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("could not tell: looking up %s at %s: it has no address of the family", p.Name, p.Resolver)
	}
	return netip.AddrPortFrom(addr, p.Address.Port()), nil
}
