package runner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
)

const heirs = "verdicts-follow-the-pod-not-its-address"

// TestAnAddressThatStaysAwayIsNoVerdict has somebody else take the address that a
// scenario waits for. That try tells nothing; the next one, with other addresses, does.
func TestAnAddressThatStaysAwayIsNoVerdict(t *testing.T) {
	c := open(t)
	taken := make(chan error, 1)
	result := runOn(t, c, runner.Config{
		Scenarios: named(t, heirs), Parallel: 1,
		Progress: func(e runner.Event) {
			if e.Step != nil && e.Step.Ended != nil && e.Step.Name == "the job completes" && len(taken) == 0 {
				taken <- takeAddress(t.Context(), c)
			}
		},
	})
	if err := <-taken; err != nil {
		t.Fatal(err)
	}
	s := result.Scenarios[0]
	if s.Result != judge.Pass || !strings.Contains(s.FirstTry, "not judged: step") || !strings.Contains(s.FirstTry, "the address was not given out again") {
		t.Errorf("want a pass whose first try could not tell, not %s, %q:\n%s", s.Result, s.FirstTry, text(t, result))
	}
}

// TestAShortDeadlineBeginsWhenANewPodServes gives what is allowed less time than an init
// container takes, before which nobody listens.
func TestAShortDeadlineBeginsWhenANewPodServes(t *testing.T) {
	result := runOn(t, open(t), runner.Config{
		Scenarios: named(t, "new-pods-keep-to-policies-from-their-first-instant"), Parallel: 1, Within: time.Second,
	})
	if result.Count(judge.Pass) != 1 {
		t.Errorf("it did not pass:\n%s", text(t, result))
	}
}

// takeAddress starts pods until one has the address of the pod that has completed, and
// leaves that one there.
func takeAddress(ctx context.Context, c cluster.Cluster) error {
	list, err := c.Client().CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var want *corev1.Pod
	for i := range list.Items {
		if list.Items[i].Status.Phase == corev1.PodSucceeded {
			want = &list.Items[i]
		}
	}
	pods := c.Client().CoreV1().Pods(metav1.NamespaceDefault)
	w, err := pods.Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	defer w.Stop()
	for {
		pod := cluster.AgentPod("", want.Spec.NodeName, want.Spec.Containers[0].Image)
		pod.GenerateName = "taker-"
		made, err := pods.Create(ctx, pod, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		got, err := addressed(ctx, w, made.Name)
		if err != nil || got == want.Status.PodIP {
			return err
		}
		if err := pods.Delete(ctx, made.Name, metav1.DeleteOptions{}); err != nil {
			return err
		}
	}
}

func addressed(ctx context.Context, w watch.Interface, name string) (string, error) {
	for {
		select {
		case e := <-w.ResultChan():
			if pod, ok := e.Object.(*corev1.Pod); ok && pod.Name == name && pod.Status.PodIP != "" {
				return pod.Status.PodIP, nil
			}
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
