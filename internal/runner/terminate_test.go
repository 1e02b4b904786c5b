package runner_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/scenario"
)

// leaver has a pod of whose flows nothing is judged while it terminates: only the API can
// tell that it was there.
const leaver = `
apiVersion: cniproof.dev/v1alpha1
kind: Scenario
metadata: {name: leaver}
spec:
  summary: A pod terminates, and others are isolated.
  level: must
  features: [ingress, namespace-selector, two-nodes]
  topology:
    namespaces: {x: {}, y: {}}
    pods:
      x/old: {node: 1, ports: [80/TCP]}
      y/shut: {node: 1, ports: [80/TCP]}
      y/friend: {node: 2, ports: [80/TCP]}
    direct: true
  steps:
  - name: shut
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: shut, namespace: y}
      spec: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "${ns.x}"}}}]}]}
    expect: &expect {default: allow, flows: [{deny: "y/* -> y/*"}]}
  - name: deleted
    terminate: [x/old]
    expect: *expect
  - name: a look
    expect: *expect
`

// TestAPodThatIsGoneIsNoTerminatingPod ends the pod before a step that should see it
// terminate, and before the control that shows what it was denied by.
func TestAPodThatIsGoneIsNoTerminatingPod(t *testing.T) {
	list, err := scenario.Load(fstest.MapFS{"leaver.yaml": {Data: []byte(leaver)}}, "leaver.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for moment, reason := range map[string]string{
		"":       "",
		"a look": `step "a look": not judged: the pod did not go on terminating: "x/old" is gone`,
		"control before the end: no policy, pods that terminate": "not judged: without any policy, pods that terminate were not seen to connect: 8 of 8 flows",
	} {
		t.Run(moment, func(t *testing.T) {
			c := open(t)
			ends := make(chan error, 10)
			result := runOn(t, c, runner.Config{
				Scenarios: list, Parallel: 1, Within: 2 * time.Second,
				Progress: func(e runner.Event) {
					if e.Step != nil && e.Step.Ended == nil && e.Step.Name == moment {
						ends <- end(t.Context(), c, "old")
					}
				},
			})
			close(ends)
			for err := range ends {
				if err != nil {
					t.Error(err)
				}
			}
			s, want := result.Scenarios[0], judge.Inconclusive
			if moment == "" {
				want = judge.Pass
			}
			if s.Result != want || !strings.HasPrefix(s.Reason, reason) {
				t.Errorf("want %s, %q, not %s, %q:\n%s", want, reason, s.Result, s.Reason, text(t, result))
			}
		})
	}
}

// end deletes the pod of that name without any grace, and waits until it is gone.
func end(ctx context.Context, c cluster.Cluster, name string) error {
	list, err := c.Client().CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		return err
	}
	for _, pod := range list.Items {
		now := int64(0)
		if err := c.Client().CoreV1().Pods(pod.Namespace).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			return err
		}
		for err == nil && ctx.Err() == nil {
			_, err = c.Client().CoreV1().Pods(pod.Namespace).Get(ctx, name, metav1.GetOptions{})
		}
		if !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}
