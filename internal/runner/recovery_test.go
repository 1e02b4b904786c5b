package runner_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/deploy"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
)

func leftovers(t *testing.T, c cluster.Cluster) []string {
	t.Helper()
	list, err := c.Client().CoreV1().Namespaces().List(context.Background(), metav1.ListOptions{LabelSelector: deploy.LabelRun}) //nolint:usetesting // asked after t.Context may have ended
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, ns := range list.Items {
		names = append(names, ns.Name)
	}
	return names
}

// troubled is a real cluster whose control streams go wrong.
type troubled struct {
	cluster.Cluster
	attach func(context.Context, flow.Endpoint) (io.ReadWriteCloser, error)
}

func (c troubled) Attach(ctx context.Context, e flow.Endpoint) (io.ReadWriteCloser, error) {
	return c.attach(ctx, e)
}

// cutting breaks after so many bytes were read from it.
type cutting struct {
	io.ReadWriteCloser
	left int
}

func (c *cutting) Read(b []byte) (int, error) {
	if c.left <= 0 {
		_ = c.Close()
		return 0, errors.New("the stream was cut")
	}
	n, err := c.ReadWriteCloser.Read(b)
	c.left -= n
	return n, err
}

// TestCutStreamsAreNoDenials cuts every control stream again and again. Samples are
// lost, scenarios may take longer or be inconclusive, but no verdict is wrong.
func TestCutStreamsAreNoDenials(t *testing.T) {
	sound := open(t)
	var cuts atomic.Int64
	c := troubled{sound, func(ctx context.Context, e flow.Endpoint) (io.ReadWriteCloser, error) {
		s, err := sound.Attach(ctx, e)
		if err != nil {
			return nil, err
		}
		return &cutting{s, int(4000 + 3000*(cuts.Add(1)%7))}, nil
	}}
	result := runOn(t, c, runner.Config{
		Scenarios: named(t, "canonical-deny-all", "and-in-one-peer", "canonical-allow-all-ingress"), Parallel: 3,
	})
	if result.Count(judge.Fail) > 0 {
		t.Errorf("a cut stream was taken for a verdict:\n%s", text(t, result))
	}
	if cuts.Load() < 20 {
		t.Errorf("only %d streams were opened: nothing was cut", cuts.Load())
	}
}

// TestASecondTry loses every agent of the first pods in the middle of a scenario, for
// good. The second try finds fresh pods, and the result says that it was one.
func TestASecondTry(t *testing.T) {
	sound := open(t)
	var opened sync.Map
	c := troubled{sound, func(ctx context.Context, e flow.Endpoint) (io.ReadWriteCloser, error) {
		if !strings.Contains(e.Namespace, "-1001-") {
			return sound.Attach(ctx, e)
		}
		if _, again := opened.LoadOrStore(e, true); again {
			return nil, errors.New("no second stream to " + e.String())
		}
		s, err := sound.Attach(ctx, e)
		return &cutting{s, 6000}, err
	}}
	result := runOn(t, c, runner.Config{Scenarios: named(t, "canonical-deny-all"), Parallel: 1})
	if s := result.Scenarios[0]; s.Result != judge.Pass || !strings.Contains(s.FirstTry, "could not be told") {
		t.Errorf("want a pass whose first try could not tell, not %s, %q:\n%s", s.Result, s.FirstTry, text(t, result))
	}
	gone(t, c)
}

// TestUnreachableAgentsAreInconclusive is a cluster whose pods cannot be attached to.
func TestUnreachableAgentsAreInconclusive(t *testing.T) {
	c := troubled{open(t), func(_ context.Context, e flow.Endpoint) (io.ReadWriteCloser, error) {
		return nil, errors.New("no stream to " + e.String())
	}}
	result := runOn(t, c, runner.Config{Scenarios: named(t, "canonical-deny-all"), Parallel: 1})
	if result.Count(judge.Inconclusive) != 1 || result.Preflight.Result != judge.Inconclusive {
		t.Errorf("want everything inconclusive:\n%s", text(t, result))
	}
	if reason := result.Scenarios[0].Reason; !strings.Contains(reason, "no stream to") {
		t.Errorf("the reason %q does not say why", reason)
	}
	gone(t, c)
}

// TestAKilledPodIsNoDenial deletes probe pods behind the run's back.
func TestAKilledPodIsNoDenial(t *testing.T) {
	c := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		killPods(ctx, c)
	}()
	result := runOn(t, c, runner.Config{
		Scenarios: named(t, "canonical-deny-all", "and-in-one-peer", "default-deny-all-pods"), Parallel: 3,
	})
	cancel()
	<-done
	if result.Count(judge.Fail) > 0 {
		t.Errorf("a killed pod was taken for a verdict:\n%s", text(t, result))
	}
	gone(t, c)
}

// killPods deletes the first probe pod that it finds, every 300 ms.
func killPods(ctx context.Context, c cluster.Cluster) {
	for tick := time.NewTicker(300 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		pods, err := c.Client().CoreV1().Pods("").List(ctx, metav1.ListOptions{LabelSelector: "cniproof.dev/pod"})
		if err == nil && len(pods.Items) > 0 {
			p := pods.Items[0]
			_ = c.Client().CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{}) // it may be gone already
		}
	}
}
