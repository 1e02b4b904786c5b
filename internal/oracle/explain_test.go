package oracle

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cniproof/cniproof/internal/flow"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestExplain compares the sentences about some flows with golden files. Each is an
// archive: policies, flows, and for every flow its Short and its String.
func TestExplain(t *testing.T) {
	files, err := filepath.Glob("testdata/explain/*.txtar")
	check(t, err)
	if len(files) == 0 {
		t.Fatal("there are no golden files")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { testExplain(t, file) })
	}
}

func testExplain(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	check(t, err)
	if len(archive.Files) != 3 {
		t.Fatalf("%s: want three files: policies, flows, explanations", file)
	}
	w := mustWorld(t, withPolicies(t, testState(), string(archive.Files[0].Data)))
	var got strings.Builder
	for line := range strings.Lines(string(archive.Files[1].Data)) {
		e := w.Explain(parseFlow(t, strings.TrimSpace(line)))
		got.WriteString(e.Short() + "\n" + e.String() + "\n\n")
	}
	want := &archive.Files[2]
	if *update {
		want.Data = []byte(got.String())
		check(t, os.WriteFile(file, txtar.Format(archive), 0o644))
		return
	}
	if diff := cmp.Diff(string(want.Data), got.String()); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites):\n%s", file, diff)
	}
}

func TestExplanationIsStructured(t *testing.T) {
	w := mustWorld(t, withPolicies(t, testState(), `
metadata: {name: db}
spec:
  podSelector: {matchLabels: {role: db}}
  ingress:
  - from:
    - podSelector: {matchLabels: {role: api}}
    - ipBlock: {cidr: 192.0.2.0/24}
    ports: [{port: 81}, {port: http}]`))
	got := w.Explain(parseFlow(t, "prod/web -> prod/db:80/TCP"))
	want := Explanation{
		Flow:    got.Flow,
		Verdict: flow.Deny,
		Egress:  Direction{Way: "egress", Subject: flow.Pod("prod", "web"), Peer: flow.Pod("prod", "db"), Pod: true, Verdict: flow.Allow},
		Ingress: Direction{
			Way: "ingress", Subject: flow.Pod("prod", "db"), Peer: flow.Pod("prod", "web"), Pod: true, Verdict: flow.Deny, Isolated: true,
			Policies: []PolicyFinding{{Policy: "prod/db", Verdict: flow.Deny, Rules: []RuleFinding{{
				Number: 1, Verdict: flow.Deny,
				Peers: []Match{
					{Number: 1, Verdict: flow.Deny, What: "pods with role=api of namespace prod", Why: "wants pod label role=api, but prod/web has role=web"},
					{Number: 2, Verdict: flow.Deny, What: "addresses in 192.0.2.0/24", Why: "wants addresses in 192.0.2.0/24, and prod/web has 10.244.1.3"},
				},
				Ports: []Match{
					{Number: 1, Verdict: flow.Deny, What: "81/TCP"},
					{Number: 2, Verdict: flow.Allow, What: "http/TCP", Why: "80 on prod/db"},
				},
			}}}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
