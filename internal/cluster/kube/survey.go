package kube

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/flow"
)

// podsReady is how long the cluster may take to run the first pods.
const podsReady = 3 * time.Minute

// scouts are where the scouts can be reached.
type scouts struct {
	pods     map[int][]netip.Addr // by number of the node
	services []netip.Addr
}

// survey starts the agents and finds out, by trying, what the cluster can do.
func (c *Cluster) survey(ctx context.Context) error {
	if err := c.startAgents(ctx); err != nil {
		return err
	}
	found, err := c.findScouts(ctx)
	if err != nil {
		return err
	}
	c.description.Families = found.families()
	if c.description.PodCIDRs, err = c.findPodCIDRs(ctx, found); err != nil {
		return err
	}
	if err := c.checkOutside(); err != nil {
		return err
	}
	if err := c.lookAround(ctx); err != nil {
		return err
	}
	return c.try(ctx, found)
}

func (c *Cluster) findScouts(ctx context.Context) (*scouts, error) {
	limited, cancel := context.WithTimeout(ctx, podsReady)
	defer cancel()
	count := 2 * len(c.nodes)
	if c.description.Lacks["node-traffic"] != "" {
		count = len(c.nodes)
	}
	pods, err := c.awaitReady(limited, labelRole, count)
	if err != nil {
		return nil, err
	}
	found := &scouts{pods: map[int][]netip.Addr{}}
	for n := range c.nodes {
		found.pods[n+1] = podAddrs(pods[scout(n+1)])
	}
	service, err := c.api.CoreV1().Services(c.home.namespace).Get(ctx, servicesScout, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("looking up service %q: %w", servicesScout, err)
	}
	found.services = parseAddrs(service.Spec.ClusterIPs)
	if len(found.families()) == 0 {
		return nil, fmt.Errorf("finding IP families: pods have %v, Services %v: no family in common", found.pods, found.services)
	}
	return found, nil
}

func podAddrs(pod *corev1.Pod) []netip.Addr {
	if pod == nil {
		return nil
	}
	var texts []string
	for _, ip := range pod.Status.PodIPs {
		texts = append(texts, ip.IP)
	}
	return parseAddrs(texts)
}

func parseAddrs(texts []string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil {
			list = append(list, a)
		}
	}
	return list
}

// families are those that pods on every node and Services have.
func (s *scouts) families() []flow.Family {
	var list []flow.Family
	for _, f := range []flow.Family{flow.IPv4, flow.IPv6} {
		everywhere := has(s.services, f)
		for _, addrs := range s.pods {
			everywhere = everywhere && has(addrs, f)
		}
		if everywhere {
			list = append(list, f)
		}
	}
	return list
}

func has(addrs []netip.Addr, f flow.Family) bool {
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool { return flow.FamilyOf(a) == f })
}

// findPodCIDRs takes the range that the cluster was configured with where every pod
// is in it, or else covers what the nodes were given and all pods that there are.
func (c *Cluster) findPodCIDRs(ctx context.Context, found *scouts) ([]netip.Prefix, error) {
	seen, err := c.podAddresses(ctx)
	if err != nil {
		return nil, err
	}
	for _, addrs := range found.pods {
		seen = append(seen, addrs...)
	}
	configured := c.configuredPodCIDRs(ctx)
	var cidrs []netip.Prefix
	for _, f := range c.description.Families {
		own := slices.DeleteFunc(slices.Clone(seen), func(a netip.Addr) bool { return flow.FamilyOf(a) != f })
		if i := slices.IndexFunc(configured, func(p netip.Prefix) bool { return flow.FamilyOf(p.Addr()) == f }); i >= 0 && containsAll(configured[i], own) {
			cidrs = append(cidrs, configured[i])
			continue
		}
		cidr, err := c.coverPods(f, own)
		if err != nil {
			return nil, fmt.Errorf("finding the range of the pods' addresses: %w", err)
		}
		cidrs = append(cidrs, cidr)
	}
	return cidrs, nil
}

func containsAll(p netip.Prefix, addrs []netip.Addr) bool {
	return !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return !p.Contains(a) })
}

func (c *Cluster) coverPods(f flow.Family, seen []netip.Addr) (netip.Prefix, error) {
	var list []netip.Prefix
	for _, n := range c.nodes {
		for _, p := range n.podCIDRs {
			if flow.FamilyOf(p.Addr()) == f {
				list = append(list, p)
			}
		}
	}
	for _, a := range seen {
		list = append(list, netip.PrefixFrom(a, a.BitLen()))
	}
	return cover(list)
}

// podAddresses are those of all pods that have a network of their own.
func (c *Cluster) podAddresses(ctx context.Context) ([]netip.Addr, error) {
	list, err := c.api.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing the pods of all namespaces: %w", err)
	}
	var addrs []netip.Addr
	for i := range list.Items {
		if !list.Items[i].Spec.HostNetwork {
			addrs = append(addrs, podAddrs(&list.Items[i])...)
		}
	}
	return addrs, nil
}

// configuredPodCIDRs are the provider's, or what kubeadm wrote down.
func (c *Cluster) configuredPodCIDRs(ctx context.Context) []netip.Prefix {
	if len(c.config.PodCIDRs) > 0 {
		return c.config.PodCIDRs
	}
	object, err := c.api.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "kubeadm-config", metav1.GetOptions{})
	if err != nil {
		return nil // not made by kubeadm, or not ours to read
	}
	for _, line := range strings.Split(object.Data["ClusterConfiguration"], "\n") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "podSubnet:"); ok {
			return parsePrefixes(strings.Split(strings.TrimSpace(text), ","))
		}
	}
	return nil
}

func parsePrefixes(texts []string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		if p, err := netip.ParsePrefix(strings.TrimSpace(text)); err == nil {
			list = append(list, p.Masked())
		}
	}
	return list
}

// lookAround finds what needs no trying.
func (c *Cluster) lookAround(ctx context.Context) error {
	_, err := c.api.CoreV1().Services(metav1.NamespaceSystem).Get(ctx, "kube-dns", metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		c.description.Lacks["dns"] = "there is no Service kube-system/kube-dns"
	case err != nil:
		return fmt.Errorf("looking for the cluster's DNS: %w", err)
	}
	if !slices.Contains(c.description.Families, flow.IPv6) {
		c.description.Lacks["ipv6"] = "pods and Services have no IPv6 addresses"
	}
	return nil
}
