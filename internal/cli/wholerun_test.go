package cli_test

import (
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

// wholeRun writes the JSON report of a run over the whole library in which everything
// passed: whole-run FILE IMPLEMENTATION VERSION TOOL.
func wholeRun(ts *testscript.TestScript, _ bool, args []string) {
	list, err := scenario.Load(scenarios.FS, ".")
	ts.Check(err)
	digest, err := scenarios.Digest()
	ts.Check(err)
	in := report.Input{
		Tool:    args[3],
		Library: report.Library{BuiltIn: true, Digest: digest, Scenarios: len(list)},
		Cluster: report.Cluster{Provider: "kind", Implementation: args[1], Version: args[2], Kubernetes: "v1.36.3", Nodes: 2},
		Run: &judge.Run{
			Begin:     time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
			Preflight: judge.Preflight{Result: judge.Pass, Enforced: true},
		},
	}
	for _, sc := range list {
		r := judge.Scenario{Name: sc.Name, Topic: sc.Topic, Level: sc.Level, Features: sc.Features, Result: judge.Recorded}
		if sc.Level.Scored() {
			r.Result = judge.Pass
		}
		r.Steps = []judge.Step{{Name: "step", Result: judge.Pass, Rounds: 1, Probes: 1}}
		in.Run.Scenarios = append(in.Run.Scenarios, r)
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(report.Write(f, "json", in, report.Options{}))
	ts.Check(f.Close())
}
