package runner_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/existing"
	"github.com/cniproof/cniproof/internal/cluster/plugins"
	"github.com/cniproof/cniproof/internal/cni"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/runner"
)

// onKind opens a kind cluster that is there already and whose plugin passes. Its nodes
// are containers of the same names, so that a test can do them harm.
func onKind(t *testing.T) cluster.Cluster {
	t.Helper()
	path := os.Getenv("CNIPROOF_E2E_KUBECONFIG")
	if path == "" {
		t.Skip("SKIPPED: it breaks a kind cluster: CNIPROOF_E2E_KUBECONFIG=FILE, as `make e2e-tests` sets it")
	}
	klog.SetLogger(logr.Discard()) // client-go tells every stream that is cut
	catalog, err := cni.Load()
	if err != nil {
		t.Fatal(err)
	}
	p := existing.New(existing.Options{Kubeconfig: path, Nodes: 2, Detect: plugins.Detect(catalog)})
	c, err := p.Open(t.Context(), func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return c
}

// on runs a shell command on a node; what it ends with is its own business.
func on(t *testing.T, node, command string) {
	t.Helper()
	if out, err := exec.Command("docker", "exec", node, "sh", "-c", command).CombinedOutput(); err != nil {
		t.Logf("%s: %s: %v %s", node, command, err, out)
	}
}

// every does something again and again until stop is called.
func every(pause time.Duration, do func()) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(pause); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
				do()
			}
		}
	}()
	return func() { cancel(); <-done }
}

// once does something after a while; stop returns when it is done, or will not be.
func once(after time.Duration, do func()) (stop func()) {
	var begun sync.Once
	timer := time.AfterFunc(after, func() { begun.Do(do) })
	return func() {
		timer.Stop()
		begun.Do(func() {})
	}
}

// TestTheInfrastructureFails does harm to a real cluster in the middle of runs. The run
// recovers or is inconclusive; no verdict is wrong; and when the harm is over, it passes.
func TestTheInfrastructureFails(t *testing.T) {
	c := onKind(t)
	nodes := c.Nodes()
	control, worker := nodes[0].Name, nodes[len(nodes)-1].Name
	list := named(t, "canonical-deny-all", "canonical-deny-ingress", "deny-per-namespace", "namespace-in-takes-each-value", "end-port-edges", "ports-changed")
	runs := 0
	run := func(t *testing.T) *judge.Run {
		runs++ // the namespaces of the last run may not be gone yet
		return runner.Run(t.Context(), runner.Config{Cluster: c, ID: fmt.Sprintf("harm%d", runs), Scenarios: list, Parallel: 2})
	}
	for name, harm := range map[string]func(t *testing.T) (stop func()){
		"the API server is restarted": func(t *testing.T) func() {
			return once(10*time.Second, func() { on(t, control, "pkill -9 -x kube-apiserver") })
		},
		"streams are cut": func(t *testing.T) func() {
			return every(7*time.Second, func() {
				on(t, control, "pkill -9 -f '^/agent connect'")
				on(t, worker, "pkill -9 -f '^/agent connect'")
			})
		},
		"agents are killed": func(t *testing.T) func() {
			return every(7*time.Second, func() { on(t, worker, "kill -9 $(pgrep -f '^/agent --control' | shuf -n 1)") })
		},
		"pods are deleted": func(*testing.T) func() {
			ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // stopped by hand
			done := make(chan struct{})
			go func() { defer close(done); killPods(ctx, c) }()
			return func() { cancel(); <-done }
		},
		"a node stands still": func(t *testing.T) func() {
			return once(10*time.Second, func() { pause(t, worker, 20*time.Second) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			stop := harm(t)
			result := run(t)
			stop()
			unharmed(t, result)
			t.Logf("exit code %d\n%s", report.ExitCode(result), text(t, result))
		})
	}
	t.Run("afterwards", func(t *testing.T) {
		result := run(t)
		if result.Count(judge.Pass) != len(list) {
			t.Errorf("the cluster did not recover:\n%s", text(t, result))
		}
	})
}

// pause stops a node for a while.
func pause(t *testing.T, node string, length time.Duration) {
	t.Helper()
	for _, command := range []string{"pause", "unpause"} {
		if out, err := exec.Command("docker", command, node).CombinedOutput(); err != nil {
			t.Errorf("docker %s %s: %v %s", command, node, err, strings.TrimSpace(string(out)))
		}
		if command == "pause" {
			time.Sleep(length)
		}
	}
}

// unharmed checks that nothing was taken for a verdict that is none.
func unharmed(t *testing.T, r *judge.Run) {
	t.Helper()
	if r.Count(judge.Fail) > 0 {
		t.Errorf("harm was taken for a verdict:\n%s", text(t, r))
	}
	want := report.ExitPass
	if r.Count(judge.Inconclusive) > 0 || r.Err != "" {
		want = report.ExitInconclusive
	}
	if got := report.ExitCode(r); got != want {
		t.Errorf("exit code %d, want %d:\n%s", got, want, text(t, r))
	}
}
