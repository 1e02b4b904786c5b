package embedded

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

func createOptions() metav1.CreateOptions { return metav1.CreateOptions{} }

// generated is a pod whose name begins with the prefix.
func generated(prefix string) *corev1.Pod {
	pod := testPod("")
	pod.Name, pod.GenerateName = "", prefix
	return pod
}

// openTest opens a cluster for the length of a test.
func openTest(t *testing.T) *embedded {
	t.Helper()
	c, err := New(Options{}).Open(t.Context(), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return c.(*embedded)
}

// awaitReady returns when just n pods of the namespace default are ready.
func awaitReady(e *embedded, n int) []*corev1.Pod {
	w, err := e.api.watch(podsResource, filter{namespace: "default"}, "0")
	if err != nil {
		return nil
	}
	defer w.Stop()
	ready := map[string]*corev1.Pod{}
	for settled := time.NewTimer(0); ; {
		select {
		case event := <-w.ResultChan():
			pod := event.Object.(*corev1.Pod)
			if delete(ready, pod.Name); event.Type != watch.Deleted && serves(pod) {
				ready[pod.Name] = pod
			}
			settled.Reset(time.Millisecond)
		case <-settled.C:
			if len(ready) == n {
				return slices.Collect(maps.Values(ready))
			}
		}
	}
}

// startPod creates a pod and returns it when it is ready.
func startPod(t *testing.T, e *embedded, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	created, err := e.client.CoreV1().Pods("default").Create(t.Context(), pod, createOptions())
	if err != nil {
		t.Fatal(err)
	}
	return waitFor(t, e, created.Name, serves)
}

// waitFor returns the pod of the namespace default once it is as wanted.
func waitFor(t *testing.T, e *embedded, name string, is func(*corev1.Pod) bool) *corev1.Pod {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(time.Millisecond) {
		if pod, ok := object[*corev1.Pod](e.api, podsResource, "default", name); ok && is(pod) {
			return pod
		}
	}
	t.Fatalf("pod %q does not become as wanted", name)
	return nil
}

func attachTo(t *testing.T, e *embedded, pod string) *probes.Client {
	t.Helper()
	stream, err := e.Attach(t.Context(), flow.Pod("default", pod))
	if err != nil {
		t.Fatal(err)
	}
	client := probes.NewClient(stream)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// dialTCP probes an address from a pod, n times.
func dialTCP(t *testing.T, e *embedded, from string, to netip.AddrPort, n int) []probes.Result {
	t.Helper()
	list := make([]probes.Probe, n)
	for i := range list {
		list[i] = probes.Probe{Kind: probes.KindTCP, Address: to, Timeouts: []time.Duration{300 * time.Millisecond}}
	}
	results, err := attachTo(t, e, from).Probe(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// agents are the processes that the process with this number started as agents.
func agents(parent int) []int {
	list, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var pids []int
	for _, path := range list {
		text, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(text), markPrefix+strconv.Itoa(parent)+":") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// namespacesOf are the network namespaces of the processes.
func namespacesOf(pids []int) map[string]bool {
	all := map[string]bool{}
	for _, pid := range pids {
		if ns, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/net"); err == nil {
			all[ns] = true
		}
	}
	return all
}

// everybody lists all threads of all processes, as folders under /proc.
func everybody() []int {
	list, _ := filepath.Glob("/proc/[0-9]*")
	var pids []int
	for _, path := range list {
		if pid, err := strconv.Atoi(filepath.Base(path)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
