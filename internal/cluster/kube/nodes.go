package kube

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/cluster"
)

// node is a node that scenarios use.
type node struct {
	cluster.Host
	podCIDRs []netip.Prefix // that the node was given; a CNI need not use them
	tainted  bool
}

// chooseNodes takes ready Linux nodes, those without a taint first.
func (c *Cluster) chooseNodes(ctx context.Context) ([]node, error) {
	list, err := c.api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing the nodes: %w", err)
	}
	var usable []node
	var refused []string
	for i := range list.Items {
		if why := unusable(&list.Items[i]); why != "" {
			refused = append(refused, list.Items[i].Name+": "+why)
			continue
		}
		usable = append(usable, newNode(&list.Items[i]))
	}
	if len(usable) == 0 {
		return nil, fmt.Errorf("finding nodes: none of %d can take probe pods (%s)", len(list.Items), strings.Join(refused, "; "))
	}
	slices.SortStableFunc(usable, func(a, b node) int { return order(a.tainted) - order(b.tainted) })
	most := max(c.config.Nodes, 2)
	usable = usable[:min(most, len(usable))]
	if len(usable) < 2 {
		c.description.Lacks["two-nodes"] = "the cluster has only one node that can take probe pods" + because(refused)
	}
	// The order of names, so that a node keeps its number from run to run.
	slices.SortStableFunc(usable, func(a, b node) int { return strings.Compare(a.Name, b.Name) })
	return usable, nil
}

func order(tainted bool) int {
	if tainted {
		return 1
	}
	return 0
}

func because(refused []string) string {
	if len(refused) == 0 {
		return ""
	}
	return " (" + strings.Join(refused, "; ") + ")"
}

// unusable says why no probe pod can run on the node, or "".
func unusable(n *corev1.Node) string {
	if n.Spec.Unschedulable {
		return "it is cordoned"
	}
	if os := n.Labels[corev1.LabelOSStable]; os != "" && os != "linux" {
		return "it runs " + os
	}
	if n.Labels[corev1.LabelHostname] != n.Name {
		return fmt.Sprintf("its label %s is %q, not its name", corev1.LabelHostname, n.Labels[corev1.LabelHostname])
	}
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue {
			return "it is not ready: " + condition.Message
		}
	}
	return ""
}

func newNode(n *corev1.Node) node {
	made := node{Host: cluster.Host{Name: n.Name}}
	for _, a := range n.Status.Addresses {
		if addr, err := netip.ParseAddr(a.Address); err == nil && a.Type == corev1.NodeInternalIP {
			made.Addrs = append(made.Addrs, addr)
		}
	}
	for _, text := range n.Spec.PodCIDRs {
		if cidr, err := netip.ParsePrefix(text); err == nil {
			made.podCIDRs = append(made.podCIDRs, cidr)
		}
	}
	for _, t := range n.Spec.Taints {
		made.tainted = made.tainted || t.Effect != corev1.TaintEffectPreferNoSchedule
	}
	return made
}

// awaitReady waits until all pods that a selector takes are ready, at least count.
func (c *Cluster) awaitReady(ctx context.Context, selector string, count int) (map[string]*corev1.Pod, error) {
	var found map[string]*corev1.Pod
	var awaited string
	err := cluster.WatchPods(ctx, c.api, c.home.namespace, selector, poll, func(pods map[string]*corev1.Pod) (bool, error) {
		found = pods
		if len(pods) < count {
			return false, nil
		}
		for name, pod := range pods {
			if !cluster.PodReady(pod) {
				awaited = fmt.Sprintf("pod %q to be ready (%s)", name, cluster.PodState(pod))
				return false, cluster.PodTrouble(pod)
			}
		}
		return true, nil
	})
	if err != nil && awaited != "" {
		err = fmt.Errorf("waiting for %s: %w", awaited, err)
	}
	return found, err
}

// cover is the smallest prefix that has all addresses and prefixes of a family.
func cover(list []netip.Prefix) (netip.Prefix, error) {
	if len(list) == 0 {
		return netip.Prefix{}, errors.New("nothing to cover")
	}
	whole := list[0].Masked()
	for _, p := range list[1:] {
		for bits := min(whole.Bits(), p.Bits()); ; bits-- {
			if bits < 0 || whole.Addr().Is4() != p.Addr().Is4() {
				return netip.Prefix{}, fmt.Errorf("%s and %s have no prefix in common", whole, p)
			}
			wider, err := whole.Addr().Prefix(bits)
			if err != nil {
				return netip.Prefix{}, err
			}
			if whole = wider; whole.Contains(p.Addr()) {
				break
			}
		}
	}
	return whole, nil
}
