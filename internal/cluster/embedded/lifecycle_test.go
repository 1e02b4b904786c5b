package embedded

import (
	"bufio"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/agentbin"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

func TestCloseLeavesNothing(t *testing.T) {
	round := func() {
		c, err := New(Options{}).Open(t.Context(), func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		e := c.(*embedded)
		for range 9 {
			if _, err := e.client.CoreV1().Pods("default").Create(t.Context(), generated("pod-"), createOptions()); err != nil {
				t.Fatal(err)
			}
		}
		pods := awaitReady(e, 9)
		attachTo(t, e, pods[0].Name)
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	round() // what is opened once and for all is open now
	before := count()
	links := linksHere(t)
	for range 3 {
		round()
	}
	var after counts
	for range 100 {
		if after = count(); !after.more(before) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if after.more(before) {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if left := agents(os.Getpid()); len(left) > 0 {
		t.Errorf("agents that are left: %v", left)
	}
	if now := linksHere(t); now != links {
		t.Errorf("the devices of this namespace were %q, now %q", links, now)
	}
	home, _ := os.Readlink("/proc/self/ns/net")
	threads, _ := filepath.Glob("/proc/self/task/*/ns/net")
	for _, path := range threads {
		if ns, err := os.Readlink(path); err == nil && ns != home {
			t.Errorf("thread %s is in %s", path, ns)
		}
	}
}

// counts is what a cluster could leave behind in this process.
type counts struct{ files, goroutines int }

func (c counts) more(than counts) bool { return c.files > than.files || c.goroutines > than.goroutines }

func count() counts {
	files, _ := os.ReadDir("/proc/self/fd")
	return counts{len(files), runtime.NumGoroutine()}
}

func linksHere(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/net/dev")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// TestKillLeavesNothing kills a process with a cluster the hard way.
func TestKillLeavesNothing(t *testing.T) {
	cmd := helper("cluster")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the helper says %q, %v", line, err)
	}
	running := agents(cmd.Process.Pid)
	if len(running) != 3+nodeCount+externalCount {
		t.Errorf("%d agents run", len(running))
	}
	namespaces := namespacesOf(running)
	if len(namespaces) != len(running) {
		t.Errorf("%d agents are in %d namespaces", len(running), len(namespaces))
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	gone := func() bool {
		if len(agents(cmd.Process.Pid)) > 0 {
			return false
		}
		for ns := range namespacesOf(everybody()) {
			if namespaces[ns] {
				return false
			}
		}
		return true
	}
	for begin := time.Now(); !gone(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > 5*time.Second {
			t.Fatalf("still there: %v of %v", agents(cmd.Process.Pid), running)
		}
	}
	if removed, err := New(Options{}).Cleanup(t.Context()); err != nil || len(removed) > 0 {
		t.Errorf("cleanup found %q, %v", removed, err)
	}
}

// helper is this test binary as a helper process.
func helper(mode string, env ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "one", "two")
	cmd.Env = append(append(os.Environ(), helperEnv+"="+mode), env...)
	return cmd
}

func TestCleanupEndsOrphans(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	orphan := exec.Command(sleep, "60")
	orphan.Args[0] = markPrefix + strconv.Itoa(os.Getpid()) + ":1" // a process of this number that started then
	own := exec.Command(sleep, "60")
	if own.Args[0], err = ownMark(); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []*exec.Cmd{orphan, own} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		awaitCommandLine(t, cmd.Process.Pid)
	}
	defer func() { _, _ = own.Process.Kill(), own.Wait() }()
	removed, err := New(Options{}).Cleanup(t.Context())
	if err != nil || len(removed) != 1 || !strings.Contains(removed[0], strconv.Itoa(orphan.Process.Pid)) {
		t.Errorf("cleanup removed %q, %v", removed, err)
	}
	if orphan.Wait() == nil {
		t.Error("the orphan ended by itself")
	}
}

// awaitCommandLine waits until a process shows its arguments: exec closes the pipe by
// which Start learns of it before the kernel has put them in place, and until then
// they read as empty.
func awaitCommandLine(t *testing.T, pid int) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 0 {
			return
		}
		if time.Since(begin) > 5*time.Second {
			t.Fatalf("process %d shows no arguments", pid)
		}
	}
}

// TestAgentIsRestarted kills an agent and expects what a kubelet does.
func TestAgentIsRestarted(t *testing.T) {
	e := openTest(t)
	pod := startPod(t, e, testPod("a"))
	client := attachTo(t, e, "a")
	run := e.kubelet.pods[pod.UID]
	if err := run.keeper.state.process.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	again := waitFor(t, e, "a", func(pod *corev1.Pod) bool {
		return serves(pod) && pod.Status.ContainerStatuses[0].RestartCount == 1
	})
	if again.UID != pod.UID || again.Status.PodIP != pod.Status.PodIP {
		t.Errorf("the pod was %s at %s, is %s at %s", pod.UID, pod.Status.PodIP, again.UID, again.Status.PodIP)
	}
	if last := again.Status.ContainerStatuses[0].LastTerminationState.Terminated; last == nil || last.ExitCode == 0 {
		t.Errorf("the last state is %+v", last)
	}
	if _, err := client.Ping(t.Context()); err == nil {
		t.Error("the killed agent answers")
	}
	if _, err := attachTo(t, e, "a").Ping(t.Context()); err != nil {
		t.Errorf("the new agent: %v", err)
	}
}

func TestPodThatRunsOnce(t *testing.T) {
	e := openTest(t)
	once := testPod("once")
	once.Spec.RestartPolicy = corev1.RestartPolicyNever
	pod := startPod(t, e, once)
	if err := e.kubelet.pods[pod.UID].keeper.state.process.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	done := waitFor(t, e, "once", func(pod *corev1.Pod) bool { return pod.Status.Phase == corev1.PodSucceeded })
	if done.Status.ContainerStatuses[0].State.Terminated == nil {
		t.Errorf("its state is %+v", done.Status.ContainerStatuses[0].State)
	}
	if _, err := e.Attach(t.Context(), flow.Pod("default", "once")); err == nil {
		t.Error("a pod that has completed can be attached to")
	}
}

func TestUnschedulablePod(t *testing.T) {
	e := openTest(t)
	pod := testPod("lost")
	pod.Spec.NodeSelector = map[string]string{corev1.LabelHostname: "node-7"}
	if _, err := e.client.CoreV1().Pods("default").Create(t.Context(), pod, createOptions()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, e, "lost", func(pod *corev1.Pod) bool {
		return pod.Status.Phase == corev1.PodPending && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonUnschedulable
		})
	})
	if err := e.client.CoreV1().Pods("default").Delete(t.Context(), "lost", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitReady(e, 0)
}

// TestPolicyHoldsFromTheFirstInstant probes new pods once, as soon as they are ready.
func TestPolicyHoldsFromTheFirstInstant(t *testing.T) {
	e := openTest(t)
	startPod(t, e, testPod("client"))
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "deny"}}
	policy.Spec.PodSelector.MatchLabels = map[string]string{"role": "server"}
	if _, err := e.client.NetworkingV1().NetworkPolicies("default").Create(t.Context(), policy, createOptions()); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		pod := generated("server-")
		pod.Labels = map[string]string{"role": "server"}
		pod = startPod(t, e, pod)
		if err := attachTo(t, e, pod.Name).Serve(t.Context(), []probes.Port{{Kind: probes.KindTCP, Number: 80}}); err != nil {
			t.Fatal(err)
		}
		to := netip.AddrPortFrom(netip.MustParseAddr(pod.Status.PodIP), 80)
		if r := dialTCP(t, e, "client", to, 1)[0]; !r.Outcome.Blocked() {
			t.Errorf("%s: %+v", pod.Name, r)
		}
	}
}

// TestServiceSpreads checks that connections to a Service with several pods reach
// each of them, and after the deletion of one only the others.
func TestServiceSpreads(t *testing.T) {
	e := openTest(t)
	startPod(t, e, testPod("client"))
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 8080}},
	}}
	service.Spec.Ports[0].TargetPort.StrVal, service.Spec.Ports[0].TargetPort.Type = "http", 1
	service, err := e.client.CoreV1().Services("default").Create(t.Context(), service, createOptions())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, number := range []uint16{80, 81, 82} {
		pod := generated("web-")
		pod.Labels = map[string]string{"app": "web"}
		pod.Spec.Containers[0].Ports[0].ContainerPort = int32(number) // the same name, another number
		pod.Spec.NodeName = "node-" + strconv.Itoa(i%2+1)
		pod = startPod(t, e, pod)
		names = append(names, "default/"+pod.Name+"/"+string(pod.UID))
		if err := attachTo(t, e, pod.Name).Serve(t.Context(), []probes.Port{{Kind: probes.KindTCP, Number: number}}); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(names)
	to := netip.AddrPortFrom(netip.MustParseAddr(service.Spec.ClusterIP), 8080)
	expectPeers(t, e, to, names)
	first := strings.Split(names[0], "/")[1]
	if err := e.client.CoreV1().Pods("default").Delete(t.Context(), first, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	expectPeers(t, e, to, names[1:])
}

// expectPeers waits until connections reach just these servers.
func expectPeers(t *testing.T, e *embedded, to netip.AddrPort, want []string) {
	t.Helper()
	var got []string
	for begin := time.Now(); time.Since(begin) < 5*time.Second; {
		got = nil
		for _, r := range dialTCP(t, e, "client", to, 60) {
			if !slices.Contains(got, r.Peer) {
				got = append(got, r.Peer)
			}
		}
		if slices.Sort(got); slices.Equal(got, want) {
			return
		}
	}
	t.Errorf("connections reach %q, want %q", got, want)
}

func TestManyPods(t *testing.T) {
	if testing.Short() {
		t.Skip("200 pods take a second or more")
	}
	e := openTest(t)
	for range 200 {
		if _, err := e.client.CoreV1().Pods("default").Create(t.Context(), generated("pod-"), createOptions()); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	pods := awaitReady(e, 200)
	for _, pod := range pods {
		for _, ip := range pod.Status.PodIPs {
			if seen[ip.IP] {
				t.Errorf("two pods have %s", ip.IP)
			}
			seen[ip.IP] = true
		}
	}
	if pong, err := attachTo(t, e, pods[199].Name).Ping(t.Context()); err != nil || !strings.HasSuffix(pong.Identity, string(pods[199].UID)) {
		t.Errorf("the last pod says %+v, %v", pong, err)
	}
}

// TestKernelWithoutIPv6 opens a cluster as on a kernel that speaks IPv4 only.
func TestKernelWithoutIPv6(t *testing.T) {
	agent, err := agentbin.Path(t.Context(), runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	e, err := open(t.Context(), Options{Logf: t.Logf}, agent, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if d := e.Description(); !slices.Equal(d.Families, []flow.Family{flow.IPv4}) || len(d.PodCIDRs) != 1 || d.Lacks["ipv6"] == "" {
		t.Errorf("it says %+v", d)
	}
	pod := startPod(t, e, testPod("a"))
	if len(pod.Status.PodIPs) != 1 {
		t.Errorf("its pod has %v", pod.Status.PodIPs)
	}
	dns, _ := object[*corev1.Service](e.api, servicesResource, "kube-system", dnsName)
	if len(dns.Spec.ClusterIPs) != 1 {
		t.Errorf("its DNS has %v", dns.Spec.ClusterIPs)
	}
	probe := probes.Probe{
		Kind: probes.KindDNSUDP, Query: "kubernetes.default.svc.cluster.local.",
		Address:  netip.AddrPortFrom(netip.MustParseAddr(dns.Spec.ClusterIP), dnsPort),
		Timeouts: []time.Duration{time.Second, time.Second, time.Second},
	}
	results, err := attachTo(t, e, "a").Probe(t.Context(), []probes.Probe{probe})
	if err != nil || results[0].Outcome != flow.Connected {
		t.Errorf("its DNS answers %+v, %v", results, err)
	}
}
