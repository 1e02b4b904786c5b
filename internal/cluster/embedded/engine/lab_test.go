package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
)

// insideEnv tells the test binary that it runs in a user namespace of its own.
const insideEnv = "CNIPROOF_ENGINE_TEST_INSIDE"

// TestMain runs the tests of the data path as root: where the user is not, in a new
// user namespace.
func TestMain(m *testing.M) {
	watch.DefaultChanSize = 1 << 16 // the tracker panics when a watch holds more events than this
	if os.Getuid() != 0 && os.Getenv(insideEnv) == "" {
		if code, err := runInside(); err == nil {
			os.Exit(code)
		}
	}
	os.Exit(m.Run())
}

func runInside() (int, error) {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}

// lab is two nodes with pods, and a host outside, all network namespaces.
type lab struct {
	t      testing.TB
	hosts  map[string]*host
	client *fake.Clientset
	engine *Engine
	cancel context.CancelFunc
	ended  chan error
}

// host is a network namespace with one address of each family.
type host struct {
	name   string
	ns     netns.NsHandle
	v4, v6 netip.Addr
}

func (h *host) addr(f family) netip.Addr {
	if f == ipv4 {
		return h.v4
	}
	return h.v6
}

// do runs f on a thread in the namespace.
func (h *host) do(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := netns.Set(h.ns); err != nil {
			result <- err
			return
		}
		result <- f()
	}()
	return <-result
}

// newLab makes the nodes n1 and n2, each pod that is named "namespace/pod@node" with
// an address of each family, and the host "out" beyond n1.
func newLab(t testing.TB, pods ...string) *lab {
	t.Helper()
	l := &lab{t: t, hosts: map[string]*host{}, client: newClient()}
	for i, name := range []string{"n1", "n2", "out"} {
		l.addHost(name, fmt.Sprintf("192.0.2.%d", i+1), fmt.Sprintf("2001:db8::%d", i+1))
	}
	l.connect("n1", "n2")
	l.connect("n1", "out")
	l.route("n2", "n1", l.hosts["out"])
	l.route("out", "n1", l.hosts["n2"])
	for _, p := range pods {
		l.addPod(p)
	}
	return l
}

// newClient is an API without the field management of fake.NewClientset, which takes
// milliseconds for every write.
func newClient() *fake.Clientset {
	tracker := clienttesting.NewObjectTracker(scheme.Scheme, scheme.Codecs.UniversalDecoder())
	c := &fake.Clientset{}
	c.AddReactor("*", "*", clienttesting.ObjectReaction(tracker))
	c.AddWatchReactor("*", func(action clienttesting.Action) (bool, watch.Interface, error) {
		w, err := tracker.Watch(action.GetResource(), action.GetNamespace(), action.(clienttesting.WatchActionImpl).ListOptions)
		return true, w, err
	})
	return c
}

func (l *lab) addHost(name, v4, v6 string) *host {
	l.t.Helper()
	h := &host{name: name, v4: netip.MustParseAddr(v4), v6: netip.MustParseAddr(v6)}
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		var err error
		if h.ns, err = netns.New(); err == nil {
			err = errors.Join(configure(), addAddrs(h))
		}
		result <- err
	}()
	if err := <-result; err != nil {
		l.t.Skipf("no network namespaces here: %v", err)
	}
	l.t.Cleanup(func() { _ = h.ns.Close() })
	l.hosts[name] = h
	return h
}

func configure() error {
	for name, value := range map[string]string{
		"ipv6/conf/default/accept_dad": "0", "ipv6/conf/all/accept_dad": "0",
		"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1",
	} {
		if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func addAddrs(h *host) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	for _, a := range []netip.Addr{h.v4, h.v6} {
		if err := netlink.AddrAdd(lo, &netlink.Addr{IPNet: network(a)}); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(lo)
}

// connect joins two hosts by a veth pair and routes their addresses over it. The
// interface is named after the other end.
func (l *lab) connect(a, b string) {
	l.t.Helper()
	one, two := l.hosts[a], l.hosts[b]
	l.must(one.do(func() error {
		veth := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: device(one), PeerNamespace: netlink.NsFd(two.ns)}
		veth.Name = device(two)
		return netlink.LinkAdd(veth)
	}))
	for _, side := range [][2]*host{{one, two}, {two, one}} {
		l.must(side[0].do(func() error { return up(device(side[1]), side[0].v6) }))
	}
	l.route(a, b, two)
	l.route(b, a, one)
}

func device(to *host) string { return "to-" + strings.ReplaceAll(to.name, "/", "-") }

// up sets an interface up. A host answers neighbour solicitations only for addresses
// that the interface has.
func up(name string, v6 netip.Addr) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return errors.Join(netlink.AddrAdd(link, &netlink.Addr{IPNet: network(v6), Flags: unix.IFA_F_NODAD}), netlink.LinkSetUp(link))
}

// route sends what is for target, at the host named at, to its neighbour via.
func (l *lab) route(at, via string, target *host) {
	l.t.Helper()
	next := l.hosts[via]
	l.must(l.hosts[at].do(func() error {
		link, err := netlink.LinkByName(device(next))
		if err != nil {
			return err
		}
		var errs []error
		for _, f := range families {
			r := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: network(target.addr(f))}
			if next != target {
				r.Gw, r.Flags = next.addr(f).AsSlice(), int(netlink.FLAG_ONLINK)
			}
			errs = append(errs, netlink.RouteReplace(r))
		}
		return errors.Join(errs...)
	}))
}

func network(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
}

// addPod makes a pod "namespace/pod@node" and tells the API of it and its namespace.
func (l *lab) addPod(spec string) *host {
	l.t.Helper()
	name, node, _ := strings.Cut(spec, "@")
	number := len(l.hosts)
	h := l.addHost(name, fmt.Sprintf("10.0.0.%d", number), fmt.Sprintf("fd00::%d", number))
	l.connect(node, name)
	other := map[string]string{"n1": "n2", "n2": "n1"}[node]
	l.route(other, node, h)
	l.route("out", "n1", h)
	for peer := range l.hosts {
		if peer != name && peer != node {
			l.route(name, node, l.hosts[peer])
			l.routeBack(peer, name)
		}
	}
	l.create(name, node, h)
	return h
}

// routeBack lets a pod that was there before reach a new one.
func (l *lab) routeBack(peer, name string) {
	if strings.Contains(peer, "/") {
		pod, err := l.client.CoreV1().Pods(namespaceOf(peer)).Get(l.t.Context(), podOf(peer), metav1.GetOptions{})
		l.must(err)
		l.route(peer, pod.Spec.NodeName, l.hosts[name])
	}
}

func namespaceOf(name string) string { ns, _, _ := strings.Cut(name, "/"); return ns }
func podOf(name string) string       { _, pod, _ := strings.Cut(name, "/"); return pod }

func (l *lab) create(name, node string, h *host) {
	l.t.Helper()
	ctx := l.t.Context()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespaceOf(name), Labels: map[string]string{"ns": namespaceOf(name)}}}
	_, _ = l.client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{})
	_, err := l.client.CoreV1().Pods(namespaceOf(name)).Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: podOf(name), Namespace: namespaceOf(name), Labels: map[string]string{"pod": podOf(name)}},
		Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{
			Name: "c", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 80, Protocol: corev1.ProtocolTCP}},
		}}},
		Status: corev1.PodStatus{PodIPs: []corev1.PodIP{{IP: h.v4.String()}, {IP: h.v6.String()}}},
	}, metav1.CreateOptions{})
	l.must(err)
}

// start runs an engine with the faults and waits for it.
func (l *lab) start(faults ...string) {
	l.t.Helper()
	set, err := ParseFaults(faults)
	l.must(err)
	c := Config{Client: l.client, Faults: set, Logf: l.t.Logf}
	for _, name := range []string{"n1", "n2"} {
		c.Nodes = append(c.Nodes, Node{Name: name, NetNS: int(l.hosts[name].ns)})
	}
	l.engine, err = New(c)
	l.must(err)
	l.engine.periods = periods{lapse: 2 * time.Second, resync: time.Second}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.ended = cancel, make(chan error, 1)
	go func() { l.ended <- l.engine.Run(ctx) }()
	l.t.Cleanup(l.stop)
	l.sync()
}

func (l *lab) stop() {
	l.cancel()
	if err := <-l.ended; err != nil {
		l.t.Errorf("engine ended: %v", err)
	}
	l.ended <- nil
}

func (l *lab) sync() {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	l.must(l.engine.Sync(ctx))
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}
