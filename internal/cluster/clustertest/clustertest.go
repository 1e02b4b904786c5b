// Package clustertest is the test suite that every cluster provider must pass: what
// the rest of cniproof takes for granted of a cluster.
//
// Goals: one suite for all providers, so that they cannot drift apart; each check
// polls at the cluster's own pace.
// Non-goal: conformance. A policy is applied only to see that one takes effect.
// It must not import internal/oracle, internal/judge or a provider.
package clustertest

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/cniproof/cniproof/internal/cluster"
)

// Run tests a provider. provider is called for each cluster that the suite opens;
// every cluster is closed again.
func Run(t *testing.T, provider func() cluster.Provider) {
	t.Helper()
	klog.SetLogger(logr.Discard()) // client-go tells every stream that ends
	removeOld(t, provider())
	c := open(t, provider())
	t.Run("Description", func(t *testing.T) { testDescription(t, c) })
	t.Run("Outside", func(t *testing.T) { testOutside(t, c) })
	t.Run("Nodes", func(t *testing.T) { testNodes(t, c) })
	t.Run("Objects", func(t *testing.T) { testObjects(t, c) })
	t.Run("InvalidPolicy", func(t *testing.T) { testInvalidPolicy(t, c) })

	l := newLab(t, c)
	t.Run("Attach", func(t *testing.T) { testAttach(t, l) })
	t.Run("PodToPod", func(t *testing.T) { testPodToPod(t, l) })
	t.Run("External", func(t *testing.T) { testExternal(t, l) })
	t.Run("NodeTraffic", func(t *testing.T) { testNodeTraffic(t, l) })
	t.Run("DNS", func(t *testing.T) { testDNS(t, l) })
	t.Run("ServiceWithoutPods", func(t *testing.T) { testServiceWithoutPods(t, l) })
	t.Run("NodePort", func(t *testing.T) { testNodePort(t, l) })
	t.Run("Readiness", func(t *testing.T) { testReadiness(t, l) })
	t.Run("ReadinessGate", func(t *testing.T) { testReadinessGate(t, l) })
	t.Run("Policy", func(t *testing.T) { testPolicy(t, l) })
	t.Run("Restart", func(t *testing.T) { testRestart(t, l) })
	t.Run("Recreate", func(t *testing.T) { testRecreate(t, l) })
	t.Run("Completion", func(t *testing.T) { testCompletion(t, l) })
	t.Run("GracePeriod", func(t *testing.T) { testGracePeriod(t, l) })
	t.Run("NamespaceDeletion", func(t *testing.T) { testNamespaceDeletion(t, l) })

	t.Run("OpenCancelled", func(t *testing.T) { testOpenCancelled(t, provider) })
	t.Run("TwoAtOnce", func(t *testing.T) { testTwoAtOnce(t, provider) })
	t.Run("CloseLeavesNothing", func(t *testing.T) { testClose(t, provider) })
}

// removeOld removes what runs before the test left, so that what is found later is the
// test's own.
func removeOld(t *testing.T, p cluster.Provider) {
	t.Helper()
	old, err := p.Cleanup(t.Context())
	if err != nil {
		t.Fatalf("removing what earlier runs left: %v", err)
	}
	for _, name := range old {
		t.Logf("removed what an earlier run left: %s", name)
	}
}

func open(t *testing.T, p cluster.Provider) cluster.Cluster {
	t.Helper()
	c, err := p.Open(t.Context(), func(line string) { t.Log(line) })
	if err != nil {
		t.Fatalf("opening the cluster: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("closing the cluster: %v", err)
		}
	})
	return c
}

func testDescription(t *testing.T, c cluster.Cluster) {
	d := c.Description()
	if d.Provider == "" || d.Implementation == "" || d.Kubernetes == "" || d.AgentImage == "" {
		t.Errorf("something has no name: %+v", d)
	}
	if len(d.Families) == 0 || len(d.Protocols) == 0 {
		t.Errorf("families %v, protocols %v", d.Families, d.Protocols)
	}
	if d.Pace.Within <= 0 || d.Pace.Hold <= 0 || d.Pace.Poll <= 0 {
		t.Errorf("pace %+v", d.Pace)
	}
	if len(d.PodCIDRs) != len(d.Families) {
		t.Errorf("%d pod ranges for %d families", len(d.PodCIDRs), len(d.Families))
	}
	for feature, reason := range d.Lacks {
		if feature == "" || reason == "" {
			t.Errorf("it lacks %q because of %q", feature, reason)
		}
	}
}

// testOutside checks that the outside hosts are outside, and nothing else is.
func testOutside(t *testing.T, c cluster.Cluster) {
	d := c.Description()
	for _, h := range c.External() {
		for _, a := range h.Addrs {
			if !within(d.ExternalCIDRs, a) || within(d.PodCIDRs, a) {
				t.Errorf("outside host %q has %s: outside is %v, pods are %v", h.Name, a, d.ExternalCIDRs, d.PodCIDRs)
			}
		}
	}
	if _, lacks := d.Lacks["external-host"]; !lacks && len(c.External()) == 0 {
		t.Error("there is no outside host, and nothing says so")
	}
}

// testNodes checks that the nodes are those of the API.
func testNodes(t *testing.T, c cluster.Cluster) {
	if _, lacks := c.Description().Lacks["two-nodes"]; !lacks && len(c.Nodes()) < 2 {
		t.Errorf("there are %d nodes, and nothing says so", len(c.Nodes()))
	}
	for _, n := range c.Nodes() {
		if len(n.Addrs) == 0 || within(c.Description().ExternalCIDRs, n.Addrs[0]) {
			t.Errorf("node %q has the addresses %v", n.Name, n.Addrs)
		}
		object, err := c.Client().CoreV1().Nodes().Get(t.Context(), n.Name, metav1.GetOptions{})
		if err != nil {
			t.Errorf("node %q: %v", n.Name, err)
			continue
		}
		for _, a := range object.Status.Addresses {
			if addr, err := netip.ParseAddr(a.Address); err == nil && !slices.Contains(n.Addrs, addr) && a.Type == "InternalIP" {
				t.Errorf("node %q has %v, the API says %v", n.Name, n.Addrs, object.Status.Addresses)
			}
		}
	}
}

func within(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// testOpenCancelled checks that nothing is left when somebody gives up early.
func testOpenCancelled(t *testing.T, provider func() cluster.Provider) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := provider()
	if c, err := p.Open(ctx, func(string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("opening a cluster when it is cancelled already: %v", err)
		if err == nil {
			_ = c.Close(t.Context())
		}
	}
	left, err := p.Cleanup(t.Context())
	if err != nil || len(left) > 0 {
		t.Errorf("cleanup after that found %q, %v", left, err)
	}
}

// testTwoAtOnce checks that two clusters do not get into one another's way.
func testTwoAtOnce(t *testing.T, provider func() cluster.Provider) {
	first, second := newLab(t, open(t, provider())), newLab(t, open(t, provider()))
	testPodToPod(t, first)
	testPodToPod(t, second)
}

// testClose checks that there is nothing to clean up after a cluster with pods.
func testClose(t *testing.T, provider func() cluster.Provider) {
	p := provider()
	c, err := p.Open(t.Context(), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	labIn(t, c, leaveNamespace(t, c))
	if err := c.Close(t.Context()); err != nil {
		t.Errorf("closing: %v", err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Errorf("closing again: %v", err)
	}
	left, err := p.Cleanup(t.Context())
	if err != nil || len(left) > 0 {
		t.Errorf("cleanup after a close found %q, %v", left, err)
	}
}
