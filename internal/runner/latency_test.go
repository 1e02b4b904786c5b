package runner_test

import (
	"context"
	"slices"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	typed "k8s.io/client-go/kubernetes/typed/networking/v1"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/latency"
	"github.com/cniproof/cniproof/internal/runner"
)

func measured(t *testing.T, c cluster.Cluster, repeat int, loads ...runner.LatencyLoad) *latency.Run {
	t.Helper()
	run := runner.MeasureLatency(t.Context(), runner.Latency{
		Cluster: c, ID: "gauge", Loads: loads, Repeat: repeat, Interval: 10 * time.Millisecond,
		Progress: func(p runner.LatencyProgress) { t.Logf("%+v", p) },
	})
	for _, s := range run.Series {
		for _, m := range s.Measurements {
			t.Logf("%s: %s: %s %s; settled %s, last wrong %s, resolution %s", s.Name(), m.Change, m.Result, m.Reason, m.Settled, m.LastWrong, m.Resolution)
		}
		if s.Trouble != "" {
			t.Logf("%s: %s", s.Name(), s.Trouble)
		}
	}
	gone(t, c)
	return run
}

// Every change is measured, with and without other policies and peers.
func TestLatenciesOfTheReferenceEngine(t *testing.T) {
	run := measured(t, open(t), 2, runner.LatencyLoad{}, runner.LatencyLoad{Policies: 20, Peers: 6})
	if len(run.Series) != 2 {
		t.Fatalf("%d series", len(run.Series))
	}
	for _, s := range run.Series {
		if s.Trouble != "" {
			t.Errorf("%s: %s", s.Name(), s.Trouble)
		}
		rows := s.Rows()
		if len(rows) != 11 {
			t.Errorf("%s: %d kinds of changes", s.Name(), len(rows))
		}
		for _, row := range rows {
			if row.Never > 0 || len(row.Settled) == 0 {
				t.Errorf("%s: %s: %d measured, %d not followed", s.Name(), row.Change, len(row.Settled), row.Never)
			}
		}
	}
}

// behind is a real cluster whose API says that a policy is there, or gone, a while
// before the engine can know.
type behind struct {
	cluster.Cluster
	by time.Duration
}

func (c behind) Client() kubernetes.Interface { return lateAPI{c.Cluster.Client(), c.by} }

type lateAPI struct {
	kubernetes.Interface
	by time.Duration
}

func (a lateAPI) NetworkingV1() typed.NetworkingV1Interface {
	return lateNetworking{a.Interface.NetworkingV1(), a.by}
}

type lateNetworking struct {
	typed.NetworkingV1Interface
	by time.Duration
}

func (n lateNetworking) NetworkPolicies(namespace string) typed.NetworkPolicyInterface {
	return latePolicies{n.NetworkingV1Interface.NetworkPolicies(namespace), n.by}
}

type latePolicies struct {
	typed.NetworkPolicyInterface
	by time.Duration
}

func (p latePolicies) later(do func(context.Context)) {
	time.AfterFunc(p.by, func() { do(context.Background()) })
}

func (p latePolicies) Create(ctx context.Context, policy *networkingv1.NetworkPolicy, o metav1.CreateOptions) (*networkingv1.NetworkPolicy, error) {
	if _, err := p.Get(ctx, policy.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return p.NetworkPolicyInterface.Create(ctx, policy, o)
	}
	p.later(func(ctx context.Context) { _, _ = p.NetworkPolicyInterface.Create(ctx, policy, o) })
	return policy, nil
}

func (p latePolicies) Update(_ context.Context, policy *networkingv1.NetworkPolicy, o metav1.UpdateOptions) (*networkingv1.NetworkPolicy, error) {
	p.later(func(ctx context.Context) { _, _ = p.NetworkPolicyInterface.Update(ctx, policy, o) })
	return policy, nil
}

func (p latePolicies) Delete(_ context.Context, name string, o metav1.DeleteOptions) error {
	p.later(func(ctx context.Context) { _ = p.NetworkPolicyInterface.Delete(ctx, name, o) })
	return nil
}

// What comes late is measured to be late, to the resolution, and nothing else is.
func TestADelayIsMeasured(t *testing.T) {
	const by = 300 * time.Millisecond
	run := measured(t, behind{open(t), by}, 3, runner.LatencyLoad{})
	delayed := []latency.Kind{latency.PolicyCreated, latency.PolicyUpdated, latency.PolicyDeleted}
	for _, row := range run.Series[0].Rows() {
		if len(row.Settled) == 0 {
			t.Errorf("%s: nothing was measured", row.Change)
			continue
		}
		settled, wrong, resolution := row.Settled.Percentile(50), row.LastWrong.Percentile(50), row.Resolution.Percentile(50)
		if !slices.Contains(delayed, row.Kind) {
			if row.Kind != latency.PeerRecreated && settled > by-50*time.Millisecond {
				t.Errorf("%s: %s, though it was not delayed", row.Change, settled)
			}
			continue
		}
		if settled < by || settled > by+150*time.Millisecond || wrong < by-100*time.Millisecond || wrong > settled {
			t.Errorf("%s: settled after %s, last wrong %s; it was delayed by %s", row.Change, settled, wrong, by)
		}
		if resolution > 50*time.Millisecond {
			t.Errorf("%s: a resolution of %s", row.Change, resolution)
		}
	}
}

func TestAnEngineThatEnforcesNothingIsNotMeasured(t *testing.T) {
	run := measured(t, open(t, "enforce-nothing"), 1, runner.LatencyLoad{})
	s := run.Series[0]
	if run.Count(latency.Never) != 1 || run.Count(latency.Measured) != 0 || s.Trouble == "" {
		t.Errorf("%+v", run)
	}
}

func TestAMeasurementThatIsInterruptedSaysSo(t *testing.T) {
	c := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	run := runner.MeasureLatency(ctx, runner.Latency{
		Cluster: c, ID: "gauge", Loads: []runner.LatencyLoad{{}, {Policies: 5}}, Repeat: 5, Interval: 10 * time.Millisecond,
		Progress: func(p runner.LatencyProgress) {
			if p.Round == 2 {
				cancel()
			}
		},
	})
	if !run.Interrupted || len(run.Series) != 1 || run.Count(latency.Measured) == 0 {
		t.Errorf("%+v", run)
	}
	gone(t, c)
}
