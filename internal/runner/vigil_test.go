package runner_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/vigil"
	"github.com/cniproof/cniproof/probes"
)

// watched watches the canonical scenario until enough returns.
func watched(t *testing.T, c cluster.Cluster, restart time.Duration, enough func(context.Context)) *vigil.Report {
	t.Helper()
	s, err := runner.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	report := runner.Watch(t.Context(), runner.Vigil{
		Cluster: c, Scenario: s, ID: "vigil", Interval: 100 * time.Millisecond, Restart: restart,
		Enough: func(ctx context.Context) *vigil.Command { enough(ctx); return nil },
		Say: func(line string) {
			mu.Lock()
			defer mu.Unlock()
			t.Log(line)
		},
		Begun: func(func(int) runner.Sight) {},
	})
	var text strings.Builder
	if err := vigil.WriteText(&text, report); err != nil {
		t.Error(err)
	}
	t.Log(text.String())
	if !report.Began {
		t.Fatalf("the watch did not begin: %s", report.Trouble)
	}
	if report.Trouble != "" {
		t.Error(report.Trouble)
	}
	return report
}

func lasting(d time.Duration) func(context.Context) {
	return func(ctx context.Context) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
}

// denied reports whether the canonical scenario denies a flow.
func denied(f flow.Flow) bool {
	from, to := f.Source.Name, f.Destination.Name
	switch {
	case strings.HasPrefix(to, "server"):
		return from != "friend" && from != "caged"
	case strings.HasPrefix(to, "open"):
		return from == "caged"
	}
	return false
}

func checkFlows(t *testing.T, r *vigil.Report) {
	t.Helper()
	for _, w := range r.Windows {
		if w.Kind == vigil.Leak && !denied(w.Flow) || w.Kind == vigil.Disruption && denied(w.Flow) {
			t.Errorf("%s is said to be a %s", w.Flow, w.Kind)
		}
		if w.End.Before(w.Begin) || w.Begin.Before(r.Begin.Add(-time.Second)) || w.End.After(r.End) {
			t.Errorf("%s of %s is from %s to %s, the watch was from %s to %s", w.Kind, w.Flow, w.Begin, w.End, r.Begin, r.End)
		}
	}
}

func TestAWatchOfAClusterThatIsLeftAloneIsQuiet(t *testing.T) {
	r := watched(t, open(t), 0, lasting(4*time.Second))
	if r.Of(vigil.Leak)+r.Of(vigil.Disruption) > 0 || r.Counts.Leaks > 0 {
		t.Errorf("%d leaks, %d disruptions", r.Of(vigil.Leak), r.Of(vigil.Disruption))
	}
	if r.Denied < 20 || r.Allowed < 20 || r.Counts.Right < 5*r.Flows {
		t.Errorf("%d flows, %d denied, %d allowed, %d right samples", r.Flows, r.Denied, r.Allowed, r.Counts.Right)
	}
}

func TestFlappingRulesAreSeenWithTheirTimes(t *testing.T) {
	r := watched(t, open(t, "flapping"), 0, lasting(8*time.Second))
	checkFlows(t, r)
	if r.Of(vigil.Disruption) > 0 {
		t.Errorf("%d disruptions, though flapping rules only open", r.Of(vigil.Disruption))
	}
	var lengths []time.Duration
	begins := map[time.Duration]bool{} // in units of the 400 ms after which they flap again
	for _, w := range r.Windows {
		if w.Kind == vigil.Leak {
			lengths = append(lengths, w.Last.Sub(w.Begin))
			begins[w.Begin.Sub(r.Begin)/(400*time.Millisecond)] = true
		}
	}
	// They vanish for 60 ms, 20 times in 8 s; a busy machine may miss some.
	if len(begins) < 4 {
		t.Fatalf("%d leaks, in %d of 20 flaps", len(lengths), len(begins))
	}
	slices.Sort(lengths)
	if short := lengths[len(lengths)/4]; short > 100*time.Millisecond {
		t.Errorf("most leaks were seen for longer than %s", short)
	}
}

func TestARestartThatForgetsLeaksFromThenOn(t *testing.T) {
	r := watched(t, open(t, "restart-forgets-policies"), 2*time.Second, lasting(4*time.Second))
	checkFlows(t, r)
	if len(r.Events) < 2 {
		t.Fatalf("events %v", r.Events)
	}
	open, restarted := 0, r.Events[0].At
	for _, w := range r.Windows {
		if w.Kind != vigil.Leak {
			continue
		}
		// A window begins with the attempt that found it open, which lasts a while.
		if w.Begin.Before(restarted.Add(-time.Second)) {
			t.Errorf("%s leaked at %s, before the restart at %s", w.Flow, w.Begin, restarted)
		}
		if w.Open {
			open++
		}
	}
	if open < r.Denied/2 {
		t.Errorf("%d of %d denied flows were still open at the end", open, r.Denied)
	}
}

func TestAClosedFlowIsADisruptionForAsLongAsItIs(t *testing.T) {
	c := open(t)
	var closed, opened time.Time
	r := watched(t, c, 0, func(ctx context.Context) {
		lasting(time.Second)(ctx)
		policies := c.Client().NetworkingV1().NetworkPolicies(namespaceOf(ctx, t, c, "open-1"))
		_, err := policies.Create(ctx, &networkingv1.NetworkPolicy{
			ObjectMeta: metav1.ObjectMeta{Name: "mistake"},
			Spec: networkingv1.NetworkPolicySpec{
				PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "open"}},
				PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Error(err)
		}
		closed = time.Now()
		lasting(time.Second)(ctx)
		if err := policies.Delete(ctx, "mistake", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		opened = time.Now()
		lasting(time.Second)(ctx)
	})
	checkFlows(t, r)
	seen := map[flow.Endpoint]int{}
	for _, w := range r.Windows {
		if w.Kind != vigil.Disruption {
			continue
		}
		seen[w.Flow.Destination]++
		if w.Open || w.Begin.Before(closed.Add(-300*time.Millisecond)) || w.End.After(opened.Add(time.Second)) {
			t.Errorf("%s was closed from %s to %s, the policy stood from %s to %s", w.Flow, w.Begin, w.End, closed, opened)
		}
	}
	for e, n := range seen {
		if !strings.HasPrefix(e.Name, "open-") {
			t.Errorf("%d disruptions at %s, which no mistake isolated", n, e)
		}
	}
	if len(seen) != 2 {
		t.Errorf("disruptions at %v, want both open pods", seen)
	}
}

func namespaceOf(ctx context.Context, t *testing.T, c cluster.Cluster, pod string) string {
	t.Helper()
	list, err := c.Client().CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Error(err)
		return ""
	}
	for _, p := range list.Items {
		if p.Name == pod {
			return p.Namespace
		}
	}
	t.Errorf("there is no pod %q", pod)
	return ""
}

// A pod that is evicted is no fault of the network's: it is replaced, and what could
// not be tried meanwhile is neither a leak nor a disruption.
func TestAProbePodThatGoesIsReplaced(t *testing.T) {
	expectReplaced(t, "is gone", func(ctx context.Context, c cluster.Cluster, namespace string) error {
		return c.Client().CoreV1().Pods(namespace).Delete(ctx, "friend", metav1.DeleteOptions{})
	})
}

// On a node that was started again a pod has a new container, and may have other addresses.
func TestAProbePodThatBeginsAnewIsReplaced(t *testing.T) {
	expectReplaced(t, "began anew", func(ctx context.Context, c cluster.Cluster, namespace string) error {
		stream, err := c.Attach(ctx, flow.Pod(namespace, "friend"))
		if err != nil {
			return err
		}
		agent := probes.NewClient(stream)
		return errors.Join(agent.End(ctx), agent.Close())
	})
}

func expectReplaced(t *testing.T, why string, end func(ctx context.Context, c cluster.Cluster, namespace string) error) {
	t.Helper()
	c := open(t)
	r := watched(t, c, 0, func(ctx context.Context) {
		lasting(time.Second)(ctx)
		if err := end(ctx, c, namespaceOf(ctx, t, c, "friend")); err != nil {
			t.Error(err)
		}
		lasting(4 * time.Second)(ctx)
	})
	checkFlows(t, r)
	if r.Of(vigil.Leak)+r.Of(vigil.Disruption) > 0 {
		t.Errorf("%d leaks, %d disruptions", r.Of(vigil.Leak), r.Of(vigil.Disruption))
	}
	var texts []string
	for _, e := range r.Events {
		texts = append(texts, e.Text)
	}
	if want := []string{"probe pod watch/friend " + why, "probe pod watch/friend is replaced"}; !slices.Equal(texts, want) {
		t.Errorf("events %q, want %q", texts, want)
	}
	for _, w := range r.Windows {
		if w.Open {
			t.Errorf("%s of %s did not end: %s", w.Kind, w.Flow, w.Detail)
		}
	}
}

func TestAWatchThatCannotBeginSaysSo(t *testing.T) {
	s, err := runner.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	begin := func(ctx context.Context, c cluster.Cluster, step int) *vigil.Report {
		return runner.Watch(ctx, runner.Vigil{
			Cluster: c, Scenario: s, Step: step, ID: "vigil", Interval: 100 * time.Millisecond, Say: func(string) {},
			Enough: func(context.Context) *vigil.Command { return nil }, Begun: func(func(int) runner.Sight) { t.Error("the watch began") },
		})
	}
	c := open(t, "enforce-nothing")
	if r := begin(t.Context(), c, 0); !r.Wrong || r.ExitCode() != vigil.ExitSeen {
		t.Errorf("nothing is enforced: %+v", r)
	}
	if r := begin(t.Context(), c, 9); r.ExitCode() != vigil.ExitUntold {
		t.Errorf("a step that is not there: %+v", r)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if r := begin(ended, c, 0); r.ExitCode() != vigil.ExitInterrupted {
		t.Errorf("interrupted before it began: %+v", r)
	}
}
