package cli

import (
	"io"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/scenario"
)

// WholeRun writes the JSON report of a run over the whole library in which everything
// passed.
func WholeRun(w io.Writer, implementation, version, tool string) error {
	list, digest, err := builtIn()
	if err != nil {
		return err
	}
	in := report.Input{
		Tool:    tool,
		Library: report.Library{BuiltIn: true, Digest: digest, Scenarios: len(list)},
		Cluster: report.Cluster{Provider: "kind", Implementation: implementation, Version: version, Kubernetes: "v1.36.3", Nodes: 2},
		Run: &judge.Run{
			Begin:     time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
			Preflight: judge.Preflight{Result: judge.Pass, Enforced: true},
		},
	}
	for _, sc := range list {
		in.Run.Scenarios = append(in.Run.Scenarios, allPassed(sc))
	}
	return report.Write(w, "json", in, report.Options{})
}

func allPassed(sc *scenario.Scenario) judge.Scenario {
	r := judge.Scenario{Name: sc.Name, Topic: sc.Topic, Level: sc.Level, Features: sc.Features, Result: judge.Recorded}
	if sc.Level.Scored() {
		r.Result = judge.Pass
	}
	r.Steps = []judge.Step{{Name: "step", Result: judge.Pass, Rounds: 1, Probes: 1}}
	return r
}
