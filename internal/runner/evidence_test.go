package runner_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/cluster/embedded/engine"
	"github.com/cniproof/cniproof/internal/diagnose"
	"github.com/cniproof/cniproof/internal/diagnose/collect"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
)

// TestEvidence checks that a failure is witnessed while its stage stands, with
// everything that a bundle needs, and that nothing else is.
func TestEvidence(t *testing.T) {
	wanted := []string{"and-in-one-peer", "or-in-two-peers"}
	list := slices.DeleteFunc(library(t), func(s *scenarioT) bool { return !slices.Contains(wanted, s.Name) })
	c := open(t, string(engine.AndAsOr))
	var mu sync.Mutex
	var names []string
	result := runOn(t, c, runner.Config{
		Scenarios: list, Parallel: 2, Within: time.Second,
		OnFailure: func(ctx context.Context, e diagnose.Evidence) {
			snapshot := collect.Take(ctx, c, e.Namespaces(), e.Since)
			files := diagnose.Render(&e, snapshot, diagnose.Words{})
			mu.Lock()
			defer mu.Unlock()
			names = append(names, e.Scenario.Name)
			if len(snapshot.Pods) != len(e.Scenario.Topology.Pods) || len(snapshot.Policies) != 1 {
				t.Errorf("%s: %d pods and %d policies stand", e.Scenario.Name, len(snapshot.Pods), len(snapshot.Policies))
			}
			if len(snapshot.Dataplane) < 2 || !strings.Contains(snapshot.Dataplane[0].Body, "table inet") {
				t.Errorf("of the data path there is %+v, %q", snapshot.Dataplane, snapshot.Problems)
			}
			checkFiles(t, files, "README.md", "reproduce.sh", "manifests.yaml", "pods.txt", "timeline.txt", "timeline.json")
		},
	})
	if !slices.Equal(names, []string{"and-in-one-peer"}) || result.Count(judge.Fail) != 1 {
		t.Errorf("witnessed %q:\n%s", names, text(t, result))
	}
}

func checkFiles(t *testing.T, files []diagnose.File, names ...string) {
	t.Helper()
	for _, name := range names {
		i := slices.IndexFunc(files, func(f diagnose.File) bool { return f.Name == name })
		if i < 0 || len(files[i].Body) < 100 {
			t.Errorf("there is no proper %s", name)
		}
	}
}

// TestEvidenceOfWhatStays checks the closing control: the stage with the stuck policy
// is what is witnessed, not the fresh one that is tried next.
func TestEvidenceOfWhatStays(t *testing.T) {
	list := slices.DeleteFunc(library(t), func(s *scenarioT) bool { return s.Name != "canonical-deny-all" })
	c := open(t, string(engine.StaleOnDelete))
	var seen []diagnose.Evidence
	result := runOn(t, c, runner.Config{
		Scenarios: list, Parallel: 1, Within: time.Second,
		OnFailure: func(ctx context.Context, e diagnose.Evidence) {
			seen = append(seen, e)
			for _, ns := range e.Namespaces() {
				if _, err := c.Client().CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{}); err != nil {
					t.Errorf("its stage does not stand any more: %v", err)
				}
			}
		},
	})
	if len(seen) == 0 {
		t.Fatal("nothing was witnessed")
	}
	if p := result.Preflight; p.Result != judge.Fail || !p.Enforced {
		t.Errorf("a cluster that keeps a policy for too long enforces it, but the preflight says %+v", p)
	}
	if e := seen[len(seen)-1]; e.Scenario.Name != "preflight" && e.Result.Result != judge.Fail {
		t.Errorf("witnessed %s as %s", e.Scenario.Name, e.Result.Result)
	}
}
