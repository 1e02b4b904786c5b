package kind

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/netip"
)

// network is a cluster's own Docker network. Docker gives nodes addresses from its
// first half; hosts outside are in its last eighth, so that a prefix tells them apart.
type network struct {
	name string
	v4   netip.Prefix
	v6   netip.Prefix // zero where the host has no IPv6
}

// newNetwork makes the network of a cluster. Docker chooses the IPv4 range, as it
// knows which ones are free: it has to be told afterwards which part to give away, so
// the network is made twice.
func (d docker) newNetwork(ctx context.Context, cluster string, labels []string) (*network, error) {
	name := networkName(cluster)
	v4, err := d.chooseRange(ctx, name, labels)
	if err != nil {
		return nil, fmt.Errorf("making Docker network %q: %w", name, err)
	}
	n := &network{name: name, v4: v4, v6: localRange()}
	if err := d.createNetwork(ctx, n, labels); err != nil {
		n.v6 = netip.Prefix{}
		if err := d.createNetwork(ctx, n, labels); err != nil {
			return nil, fmt.Errorf("making Docker network %q: %w", name, err)
		}
	}
	return n, nil
}

func networkName(cluster string) string { return cluster + "-net" }

func (d docker) chooseRange(ctx context.Context, name string, labels []string) (netip.Prefix, error) {
	if _, err := d.run(ctx, nil, append(append([]string{"network", "create"}, labels...), name)...); err != nil {
		return netip.Prefix{}, err
	}
	n, err := d.readNetwork(ctx, name)
	if err != nil {
		return netip.Prefix{}, err
	}
	return n.v4, d.removeNetwork(ctx, name)
}

func (d docker) createNetwork(ctx context.Context, n *network, labels []string) error {
	args := append([]string{
		"network", "create", "--driver", "bridge", "--opt", "com.docker.network.bridge.enable_ip_masquerade=true",
		"--subnet", n.v4.String(), "--ip-range", part(n.v4, 1, 0).String(),
	}, labels...)
	if n.v6.IsValid() {
		args = append(args, "--ipv6", "--subnet", n.v6.String(), "--ip-range", part(n.v6, 1, 0).String())
	}
	_, err := d.run(ctx, nil, append(args, n.name)...)
	return err
}

// readNetwork finds a network that exists.
func (d docker) readNetwork(ctx context.Context, name string) (*network, error) {
	out, err := d.run(ctx, nil, "network", "inspect", "--format", "{{json .IPAM.Config}}", name)
	if err != nil {
		return nil, err
	}
	var ranges []struct{ Subnet string }
	if err := json.Unmarshal([]byte(out), &ranges); err != nil {
		return nil, fmt.Errorf("reading Docker network %q: %w", name, err)
	}
	n := &network{name: name}
	for _, r := range ranges {
		p, err := netip.ParsePrefix(r.Subnet)
		if err != nil {
			return nil, fmt.Errorf("reading Docker network %q: %w", name, err)
		}
		if p.Addr().Is4() {
			n.v4 = p.Masked()
		} else {
			n.v6 = p.Masked()
		}
	}
	return n, nil
}

// localRange is a /64 among the unique local addresses of RFC 4193.
func localRange() netip.Prefix {
	var b [16]byte
	b[0] = 0xfd
	_, _ = rand.Read(b[1:8]) // never fails, by its documentation
	return netip.PrefixFrom(netip.AddrFrom16(b), 64)
}

// outside are the prefixes of the hosts outside, one per family.
func (n *network) outside() []netip.Prefix {
	list := []netip.Prefix{part(n.v4, 3, 7)}
	if n.v6.IsValid() {
		list = append(list, part(n.v6, 3, 7))
	}
	return list
}

// outsideAddrs are the addresses of outside host number i, from 0.
func (n *network) outsideAddrs(i int) []netip.Addr {
	var list []netip.Addr
	for _, p := range n.outside() {
		a := p.Addr()
		for range i + 10 {
			a = a.Next()
		}
		list = append(list, a)
	}
	return list
}

// part is one of the 2^bits equal parts of a prefix.
func part(p netip.Prefix, bits int, number uint8) netip.Prefix {
	raw := p.Masked().Addr().AsSlice()
	for i := range bits {
		if number>>(bits-1-i)&1 == 1 {
			at := p.Bits() + i
			raw[at/8] |= 0x80 >> (at % 8)
		}
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.PrefixFrom(addr, p.Bits()+bits)
}
