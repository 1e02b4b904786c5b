package runner_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/scenario"
)

// unready leaves a pod unready at its end.
const unready = `
apiVersion: cniproof.dev/v1alpha1
kind: Scenario
metadata: {name: NAME}
spec:
  summary: A pod is isolated while it is not ready.
  level: must
  features: [ingress]
  topology:
    namespaces: {x: {}}
    pods:
      x/here: {node: 1, ports: [80/TCP]}
      x/there: {node: 2, ports: [80/TCP]}
    direct: true
  steps:
  - name: nothing
    expect: {default: allow}
  - name: unready
    ready: {x/there: false}
    apply:
    - {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: shut, namespace: x}, spec: {podSelector: {}}}
    expect: {default: deny}
`

func twice(t *testing.T) []*scenario.Scenario {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{"one", "two"} {
		files[name+".yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(unready, "NAME", name, 1))}
	}
	list, err := scenario.Load(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestUnreadyPodsAreReadyForTheNextScenario has two scenarios use the same pods by turns.
func TestUnreadyPodsAreReadyForTheNextScenario(t *testing.T) {
	c := open(t)
	var seen []string
	uids := map[string]bool{}
	result := runOn(t, c, runner.Config{
		Scenarios: twice(t), Parallel: 1, Within: 2 * time.Second,
		Progress: func(e runner.Event) {
			if e.Step != nil && e.Step.Ended != nil && (e.Step.Scenario == "one" || e.Step.Scenario == "two") {
				seen = append(seen, fmt.Sprintf("%s: %v", e.Step.Name, notReady(t, c, uids)))
			}
		},
	})
	if result.Count(judge.Pass) != 2 {
		t.Errorf("not both passed:\n%s", text(t, result))
	}
	want := []string{"nothing: []", "unready: [there]", "control after: no policy: []"}
	if diff := cmp.Diff(slices.Concat([]string{"control before: no policy: []"}, want, want), seen); diff != "" {
		t.Errorf("pods that are not ready at the end of each step (-want +got):\n%s", diff)
	}
	if len(uids) != 2 {
		t.Errorf("%d pods were made, want 2 for both scenarios", len(uids))
	}
}

// notReady are the names of probe pods that the API says are not ready; it notes the UIDs
// of all.
func notReady(t *testing.T, c cluster.Cluster, uids map[string]bool) []string {
	list, err := c.Client().CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Error(err)
		return nil
	}
	var names []string
	for i := range list.Items {
		if name := list.Items[i].Name; name != "here" && name != "there" {
			continue
		}
		uids[string(list.Items[i].UID)] = true
		if !cluster.PodReady(&list.Items[i]) {
			names = append(names, list.Items[i].Name)
		}
	}
	return names
}

// TestAPodThatIsGoneIsNotUnready deletes a pod before the step that makes it unready.
func TestAPodThatIsGoneIsNotUnready(t *testing.T) {
	c := open(t)
	gone := 0
	result := runOn(t, c, runner.Config{
		Scenarios: twice(t)[:1], Parallel: 1, Within: 2 * time.Second,
		Progress: func(e runner.Event) {
			if e.Step != nil && e.Step.Ended == nil && e.Step.Name == "unready" && gone == 0 {
				gone++
				if err := end(t.Context(), c, "there"); err != nil {
					t.Error(err)
				}
			}
		},
	})
	s, want := result.Scenarios[0], `writing the condition cniproof.dev/ready of pod "x/there"`
	if s.Result != judge.Pass || !strings.Contains(s.FirstTry, want) {
		t.Errorf("want a pass whose first try could not tell because of %q, not %s, %q:\n%s", want, s.Result, s.FirstTry, text(t, result))
	}
}
