package runner

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/deploy"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/observe"
	"github.com/cniproof/cniproof/probes"
)

// The DNS probe asks for the API server's own Service: every cluster has it, and
// its ClusterIP tells whether the answer is the cluster's.
const dnsQuery = "kubernetes.default.svc.cluster.local."

// targets says for every flow where to dial and who should answer.
func (b *bench) targets(ctx context.Context, flows []flow.Flow) ([]observe.Target, error) {
	binding := b.stage.Binding()
	dns, err := b.lookup(ctx, flows)
	if err != nil {
		return nil, err
	}
	targets, gone := make([]observe.Target, len(flows)), b.stage.Gone()
	sizes := map[probes.Kind]int{probes.KindUDP: b.topology.Datagram, probes.KindTCP: b.topology.Stream}
	for i, f := range flows {
		if slices.Contains(gone, f.Source) || slices.Contains(gone, f.Destination) {
			targets[i] = observe.Target{Flow: f}
			continue
		}
		t := observe.Target{Flow: f, From: b.agent(f.Source), Kind: kind(f.Protocol)}
		port := f.Port
		var from []netip.Addr
		switch {
		case f.Destination.Kind == flow.KindDNS:
			from, t.Query, t.Peer = dns.servers, dnsQuery, dns.answer
			t.Kind = dnsKind(f.Protocol)
		case f.Via.Service():
			from, port = b.stage.Services(f.Destination), deploy.ServicePort(f.Port)
			b.byName(&t, dns.servers)
		case f.Via.Node():
			at, ok := b.stage.NodePort(f)
			if !ok { // the node has no address of the family
				targets[i] = observe.Target{Flow: f}
				continue
			}
			from, port = []netip.Addr{at.Addr()}, at.Port()
		default:
			from = binding.Addresses[f.Destination]
		}
		if f.Destination.Kind != flow.KindDNS {
			t.To, t.Peer = b.agent(f.Destination), b.identities[f.Destination]
			t.Port = probes.Port{Kind: t.Kind, Number: f.Port}
		}
		if f.Protocol == flow.ICMP { // the kernel answers, and does not say for whom
			t.Peer, port = "", 1
		}
		if f.Via == flow.Established {
			t.Kind = probes.KindOpen
		}
		t.Size = sizes[t.Kind]
		addr, ok := ofFamily(from, f.Family)
		if !ok && b.topology.OnHost(f) { // a node may have no address of the family
			targets[i] = observe.Target{Flow: f}
			continue
		}
		if !ok {
			return nil, fmt.Errorf("the cluster gave %s no %s address for flow %s", f.Destination, f.Family, f)
		}
		t.Address = netip.AddrPortFrom(addr, port)
		targets[i] = t
	}
	return targets, nil
}

func ofFamily(addrs []netip.Addr, family flow.Family) (netip.Addr, bool) {
	i := slices.IndexFunc(addrs, func(a netip.Addr) bool { return a.Is4() == (family == flow.IPv4) })
	if i < 0 {
		return netip.Addr{}, false
	}
	return addrs[i], true
}

func kind(p flow.Protocol) probes.Kind { return probes.Kind(strings.ToLower(p.String())) }

func dnsKind(p flow.Protocol) probes.Kind {
	if p == flow.TCP {
		return probes.KindDNSTCP
	}
	return probes.KindDNSUDP
}

// resolver is how the cluster's DNS is reached, and what it has to answer.
type resolver struct {
	servers []netip.Addr
	answer  string
}

func (b *bench) lookup(ctx context.Context, flows []flow.Flow) (resolver, error) {
	if !b.topology.DNS && !slices.ContainsFunc(flows, func(f flow.Flow) bool { return f.Via == flow.ByName }) {
		return resolver{}, nil
	}
	servers, err := b.clusterIPs(ctx, "kube-system", "kube-dns")
	if err != nil {
		return resolver{}, err
	}
	known, err := b.clusterIPs(ctx, "default", "kubernetes")
	if err != nil {
		return resolver{}, err
	}
	return resolver{servers: servers, answer: answered(known)}, nil
}

// answered is what a DNS probe returns for a Service: its IPv4 addresses, or its
// IPv6 ones where it has no other.
func answered(addrs []netip.Addr) string {
	for _, family := range []flow.Family{flow.IPv4, flow.IPv6} {
		if a, ok := ofFamily(addrs, family); ok {
			return a.String()
		}
	}
	return ""
}

func (b *bench) clusterIPs(ctx context.Context, namespace, name string) ([]netip.Addr, error) {
	service, err := b.run.cfg.Cluster.Client().CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("looking up service %s/%s: %w", namespace, name, err)
	}
	var addrs []netip.Addr
	for _, ip := range service.Spec.ClusterIPs {
		if a, err := netip.ParseAddr(ip); err == nil {
			addrs = append(addrs, a)
		}
	}
	return addrs, nil
}
