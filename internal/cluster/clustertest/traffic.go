package clustertest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

// target is where a probe goes and whose identity must come back.
type target struct {
	endpoint flow.Endpoint
	addr     netip.Addr
	port     uint16
}

// timeouts give an attempt a second, and a lost packet another chance.
func timeouts() []time.Duration { return []time.Duration{time.Second, time.Second} }

// shortTimeouts are for what should not answer: whoever waits for that tries again.
func shortTimeouts() []time.Duration { return []time.Duration{300 * time.Millisecond} }

// try probes the targets over every protocol, all at once, and returns an error
// that names each which did not come out as wanted.
func try(t *testing.T, c cluster.Cluster, from flow.Endpoint, want bool, targets ...target) error {
	t.Helper()
	patience := timeouts()
	if !want {
		patience = shortTimeouts()
	}
	var list []probes.Probe
	var ends []flow.Endpoint
	for _, to := range targets {
		for _, kind := range kinds() {
			list = append(list, probes.Probe{Kind: kind, Address: netip.AddrPortFrom(to.addr, to.port), Timeouts: patience})
			ends = append(ends, to.endpoint)
		}
	}
	return probe(t, c, from, list, ends, want)
}

// probe is an error that names each probe which did not come out as wanted; every probe
// has an end, whose identity answers where it connects.
func probe(t *testing.T, c cluster.Cluster, from flow.Endpoint, list []probes.Probe, ends []flow.Endpoint, want bool) error {
	t.Helper()
	client := attach(t, c, from)
	defer client.Close()
	results, err := client.Probe(t.Context(), list)
	if err != nil {
		return err
	}
	var errs []error
	for i, r := range results {
		connected := r.Outcome == flow.Connected && strings.HasPrefix(r.Peer, identity(ends[i]))
		if connected != want || !want && !r.Outcome.Blocked() {
			errs = append(errs, fmt.Errorf("%s -> %s at %s over %s: %s %q %s",
				from, ends[i], list[i].Address, list[i].Kind, r.Outcome, r.Peer, r.Detail))
		}
	}
	return errors.Join(errs...)
}

// reach checks that every target answers, with its own identity, and soon.
func reach(t *testing.T, c cluster.Cluster, from flow.Endpoint, targets ...target) {
	t.Helper()
	eventually(t, c, c.Description().Pace.Within, func() error { return try(t, c, from, true, targets...) })
}

// targets are all ways to a pod: its addresses and its ClusterIPs.
func (l *lab) targets(name string) []target {
	list := hostTargets(l.pod(name), l.addrs[name], podPort)
	return append(list, hostTargets(l.pod(name), l.services[name], podPort+serviceOffset)...)
}

func hostTargets(e flow.Endpoint, addrs []netip.Addr, port uint16) []target {
	var list []target
	for _, a := range addrs {
		list = append(list, target{e, a, port})
	}
	return list
}

func testAttach(t *testing.T, l *lab) {
	first := attach(t, l.cluster, l.pod("a"))
	pong, err := first.Ping(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(pong.Identity, identity(l.pod("a"))) || len(pong.Serving) != len(kinds()) {
		t.Errorf("the agent says %+v", pong)
	}
	if err := first.Close(); err != nil {
		t.Errorf("detaching: %v", err)
	}
	again, err := attach(t, l.cluster, l.pod("a")).Ping(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again.Identity != pong.Identity || !slices.Equal(again.Serving, pong.Serving) {
		t.Errorf("attached again, the agent says %+v, before %+v", again, pong)
	}
	two := attach(t, l.cluster, l.pod("a"))
	if _, err := two.Ping(t.Context()); err != nil {
		t.Errorf("a second stream beside the first: %v", err)
	}
	for _, e := range []flow.Endpoint{flow.Pod(l.namespace, "nobody"), flow.Node(99), flow.External(99), flow.DNS(), {}} {
		if stream, err := l.cluster.Attach(t.Context(), e); err == nil {
			_ = stream.Close()
			t.Errorf("attaching to %s: no error", e)
		}
	}
}

func testPodToPod(t *testing.T, l *lab) {
	families := len(l.cluster.Description().Families)
	for name := range l.addrs {
		if len(l.addrs[name]) != families || len(l.services[name]) != families {
			t.Errorf("pod %q has the addresses %v and the ClusterIPs %v, the cluster has %d families",
				name, l.addrs[name], l.services[name], families)
		}
		if !within(l.cluster.Description().PodCIDRs, l.addrs[name][0]) {
			t.Errorf("pod %q has %v, pods are in %v", name, l.addrs[name], l.cluster.Description().PodCIDRs)
		}
	}
	for from := range l.addrs {
		for to := range l.addrs {
			if from != to {
				reach(t, l.cluster, l.pod(from), l.targets(to)...)
			}
		}
	}
}

func testExternal(t *testing.T, l *lab) {
	if reason, lacks := l.cluster.Description().Lacks["external-host"]; lacks {
		t.Skip(reason)
	}
	for i, h := range l.cluster.External() {
		outside := flow.External(i + 1)
		serve(t, l.cluster, outside, 5432)
		for pod := range l.addrs {
			reach(t, l.cluster, outside, hostTargets(l.pod(pod), l.addrs[pod], podPort)...)
			reach(t, l.cluster, l.pod(pod), hostTargets(outside, h.Addrs, 5432)...)
		}
	}
}

func testNodeTraffic(t *testing.T, l *lab) {
	if reason, lacks := l.cluster.Description().Lacks["node-traffic"]; lacks {
		t.Skip(reason)
	}
	for i, n := range l.cluster.Nodes() {
		node := flow.Node(i + 1)
		serve(t, l.cluster, node, 9100)
		for pod := range l.addrs {
			reach(t, l.cluster, node, hostTargets(l.pod(pod), l.addrs[pod], podPort)...)
			reach(t, l.cluster, l.pod(pod), hostTargets(node, n.Addrs, 9100)...)
		}
	}
}

// testDNS asks the cluster's DNS service for a pod's Service, for the API's, and for
// one that there is not.
func testDNS(t *testing.T, l *lab) {
	if reason, lacks := l.cluster.Description().Lacks["dns"]; lacks {
		t.Skip(reason)
	}
	service, err := l.cluster.Client().CoreV1().Services(metav1.NamespaceSystem).Get(t.Context(), "kube-dns", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var server netip.Addr
	for _, server = range parseAddrs(t, service.Spec.ClusterIPs) {
		for _, kind := range []probes.Kind{probes.KindDNSUDP, probes.KindDNSTCP} {
			eventually(t, l.cluster, l.cluster.Description().Pace.Within, func() error { return l.resolves(t, kind, server) })
		}
	}
}

func (l *lab) resolves(t *testing.T, kind probes.Kind, server netip.Addr) error {
	t.Helper()
	queries := []string{"a." + l.namespace + ".svc.cluster.local.", "kubernetes.default.svc.cluster.local.", "nobody.default.svc.cluster.local."}
	var list []probes.Probe
	for _, q := range queries {
		list = append(list, probes.Probe{Kind: kind, Address: netip.AddrPortFrom(server, 53), Timeouts: timeouts(), Query: q})
	}
	client := attach(t, l.cluster, l.pod("c"))
	defer client.Close()
	results, err := client.Probe(t.Context(), list)
	if err != nil {
		return err
	}
	if !strings.Contains(results[0].Peer, l.services["a"][0].String()) {
		err = fmt.Errorf("%s of %q at %s: %+v, want %v", kind, queries[0], server, results[0], l.services["a"])
	}
	if results[1].Outcome != flow.Connected || results[1].Peer == "" {
		err = errors.Join(err, fmt.Errorf("%s of %q at %s: %+v", kind, queries[1], server, results[1]))
	}
	if strings.ContainsAny(results[2].Peer, ".:") {
		err = errors.Join(err, fmt.Errorf("%s of %q at %s: %+v, want no address", kind, queries[2], server, results[2]))
	}
	return err
}

// testServiceWithoutPods checks that the ClusterIP of a Service that selects nothing
// is refused, and that it works as soon as a pod takes the label.
func testServiceWithoutPods(t *testing.T, l *lab) {
	l.createService(t, "later")
	defer delete(l.services, "later")
	to := hostTargets(l.pod("b"), l.services["later"], podPort+serviceOffset)
	eventually(t, l.cluster, l.cluster.Description().Pace.Within, func() error {
		return try(t, l.cluster, l.pod("a"), false, to...)
	})
	l.relabel(t, "b", "later")
	reach(t, l.cluster, l.pod("a"), to...)
	l.relabel(t, "b", "b")
	reach(t, l.cluster, l.pod("a"), l.targets("b")...)
}

// relabel changes which Service has the pod.
func (l *lab) relabel(t *testing.T, pod, service string) {
	t.Helper()
	pods := l.cluster.Client().CoreV1().Pods(l.namespace)
	var object *corev1.Pod
	eventually(t, l.cluster, readyTimeout, func() (err error) {
		if object, err = pods.Get(t.Context(), pod, metav1.GetOptions{}); err != nil {
			return err
		}
		object.Labels[podLabel] = service
		_, err = pods.Update(t.Context(), object, metav1.UpdateOptions{})
		return err
	})
}
