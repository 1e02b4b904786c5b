package kube

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
)

// Outside is a host outside the cluster that runs an agent.
type Outside struct {
	Name  string
	Addrs []netip.Addr // at most one per family
	// Attach opens a control stream on which the agent answers. Streams that are
	// opened again reach the same agent.
	Attach Attach
}

// checkOutside fills in the ranges of the outside hosts, leaves out what they have of a
// family that the cluster has not, and makes sure that they are outside.
func (c *Cluster) checkOutside() error {
	if len(c.config.Outside) == 0 {
		c.description.Lacks["external-host"] = c.config.OutsideLack
		return nil
	}
	c.config.Outside = slices.Clone(c.config.Outside)
	for i, o := range c.config.Outside {
		c.config.Outside[i].Addrs = slices.DeleteFunc(slices.Clone(o.Addrs), func(a netip.Addr) bool { return !c.has(flow.FamilyOf(a)) })
		if len(c.config.Outside[i].Addrs) == 0 {
			c.config.Outside = nil
			c.description.Lacks["external-host"] = fmt.Sprintf("outside host %q has no address of a family that the cluster has (%v)", o.Name, c.description.Families)
			return nil
		}
	}
	cidrs := c.config.ExternalCIDRs
	if len(cidrs) == 0 {
		var err error
		if cidrs, err = coverOutside(c.config.Outside); err != nil {
			return err
		}
	}
	c.description.ExternalCIDRs = slices.DeleteFunc(slices.Clone(cidrs), func(p netip.Prefix) bool { return !c.has(flow.FamilyOf(p.Addr())) })
	for _, cidr := range c.description.ExternalCIDRs {
		for _, n := range c.nodes {
			if slices.ContainsFunc(n.Addrs, cidr.Contains) {
				return fmt.Errorf("outside hosts are to be told from nodes: %s, which covers them, has node %q in it too (choose hosts of another network)", cidr, n.Name)
			}
		}
		if slices.ContainsFunc(c.description.PodCIDRs, cidr.Overlaps) {
			return fmt.Errorf("outside hosts are to be told from pods: %s, which covers them, overlaps the pods' %v", cidr, c.description.PodCIDRs)
		}
	}
	return nil
}

// has reports whether the cluster has the family.
func (c *Cluster) has(f flow.Family) bool { return slices.Contains(c.description.Families, f) }

func coverOutside(hosts []Outside) ([]netip.Prefix, error) {
	byFamily := map[flow.Family][]netip.Prefix{}
	for _, h := range hosts {
		for _, a := range h.Addrs {
			byFamily[flow.FamilyOf(a)] = append(byFamily[flow.FamilyOf(a)], netip.PrefixFrom(a, a.BitLen()))
		}
	}
	var cidrs []netip.Prefix
	for _, f := range []flow.Family{flow.IPv4, flow.IPv6} {
		if len(byFamily[f]) == 0 {
			continue
		}
		cidr, err := cover(byFamily[f])
		if err != nil {
			return nil, fmt.Errorf("covering the outside hosts: %w", err)
		}
		cidrs = append(cidrs, cidr)
	}
	return cidrs, nil
}
