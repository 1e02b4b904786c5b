package diagnose_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/diagnose"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/inspect"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const golden = "testdata/bundle"

// TestBundle holds a whole bundle against the one in testdata. Its script is one of
// those that hack/verify/shell.sh checks.
func TestBundle(t *testing.T) {
	files := diagnose.Render(evidence(t), snapshot(), diagnose.Words{
		Screen: "✗ FAIL  sample\n", Cluster: []string{"cniproof test", "a CNI"}, Commands: []string{"cniproof explain sample"},
	})
	if *update {
		if err := os.RemoveAll(golden); err != nil {
			t.Fatal(err)
		}
		if _, err := diagnose.NewFolder(filepath.Dir(golden)).Write(filepath.Base(golden), files); err != nil {
			t.Fatal(err)
		}
	}
	names := map[string]bool{}
	for _, f := range files {
		want, err := os.ReadFile(filepath.Join(golden, f.Name))
		if err != nil {
			t.Fatalf("%v; run the test with -update", err)
		}
		if diff := cmp.Diff(string(want), f.Body); diff != "" {
			t.Errorf("%s differs, -want +got; rewrite it with -update:\n%s", f.Name, diff)
		}
		names[f.Name] = true
	}
	for _, name := range []string{"README.md", "manifests.yaml", "reproduce.sh", "timeline.txt", "timeline.json", "pods.txt", "events.txt", "dataplane/worker-nft.txt"} {
		if !names[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

// TestNoScript checks that what kubectl cannot repeat has no script, but a reason.
func TestNoScript(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*diagnose.Evidence, *diagnose.Snapshot)
		want   string
	}{
		"before the first step": {func(e *diagnose.Evidence, _ *diagnose.Snapshot) { e.Applied = nil }, "before the first step"},
		"a new pod's first instant": {func(e *diagnose.Evidence, _ *diagnose.Snapshot) {
			e.Scenario.Steps[1].Acts[0].Eager = []scenario.Debut{{Pod: flow.Pod("prod", "web")}}
		}, "kubectl alone cannot do the same: pod prod/web dials from its first instant"},
		"one source port": {func(e *diagnose.Evidence, _ *diagnose.Snapshot) {
			e.Scenario.Topology.SourcePort = scenario.SamePort
		}, "from a certain source port"},
		"probed by kubelets": {func(e *diagnose.Evidence, _ *diagnose.Snapshot) {
			e.Scenario.Topology.Readiness = true
		}, "pods that kubelets probe"},
		"nothing judged": {func(e *diagnose.Evidence, _ *diagnose.Snapshot) { e.Result.Steps = nil }, "nothing was judged"},
		"a pod is gone":  {func(_ *diagnose.Evidence, s *diagnose.Snapshot) { s.Pods = s.Pods[:1] }, "pod prod/web was not there"},
		"only hosts outside": {func(e *diagnose.Evidence, _ *diagnose.Snapshot) {
			e.Result.Steps[0].Cells = e.Result.Steps[0].Cells[2:]
		}, "kubectl cannot make"},
	} {
		e, s := evidence(t), snapshot()
		c.change(e, s)
		files := diagnose.Render(e, s, diagnose.Words{})
		for _, f := range files {
			if f.Name == "reproduce.sh" {
				t.Errorf("%s: there is a script", name)
			}
		}
		if !strings.Contains(files[0].Body, c.want) {
			t.Errorf("%s: the README says\n%s", name, files[0].Body)
		}
	}
}

// TestBounds checks that no bundle grows beyond 2 MiB, and that what was cut is said.
func TestBounds(t *testing.T) {
	s := snapshot()
	for n := range 20 {
		s.Logs = append(s.Logs, inspect.Text{Name: fmt.Sprintf("../agent/%d", n), Body: strings.Repeat("a line of a log\n", 60_000)})
	}
	total := 0
	files := diagnose.Render(evidence(t), s, diagnose.Words{})
	for _, f := range files {
		total += len(f.Body)
		if strings.Contains(f.Name, "..") {
			t.Errorf("a file is called %q", f.Name)
		}
	}
	if total > 2<<20 {
		t.Errorf("the bundle has %d bytes", total)
	}
	if readme := files[0].Body; !strings.Contains(readme, "_agent_0.log is cut: it had 937 KiB") || !strings.Contains(readme, "_agent_19.log is cut") {
		t.Errorf("the README does not say what was cut:\n%s", readme)
	}
}

// TestFolder checks the number of bundles, and that only bundles are replaced.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	f := diagnose.NewFolder(dir)
	for n := 1; f.Room(fmt.Sprint("scenario-", n)); n++ {
	}
	f.Room("one-more")
	if !f.Room("scenario-1") {
		t.Error("no room for another bundle of the same scenario")
	}
	if written, left := f.Count(); written != 20 || left != 2 {
		t.Errorf("room for %d, %d left out", written, left)
	}
	if err := f.Drop("scenario-2"); err != nil || !f.Room("sample") {
		t.Errorf("no room where one was dropped: %v", err)
	}
	files := diagnose.Render(evidence(t), snapshot(), diagnose.Words{})
	if _, err := f.Write("sample", files); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write("sample", files[:1]); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "sample", "pods.txt")); err == nil {
		t.Error("a file of the earlier bundle is left")
	}
	mine := filepath.Join(dir, "other", "mine.txt")
	if err := os.MkdirAll(filepath.Dir(mine), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write("other", files); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("what is no bundle was removed: %v", err)
	}
}

// TestInconclusive checks that a doubt does not look like a failure.
func TestInconclusive(t *testing.T) {
	e := evidence(t)
	e.Result.Result, e.Timeline = judge.Inconclusive, nil
	readme := diagnose.Render(e, snapshot(), diagnose.Words{})[0].Body
	if !strings.HasPrefix(readme, "# sample: inconclusive") || strings.Contains(readme, "FAIL") {
		t.Errorf("the README says\n%s", readme)
	}
}
