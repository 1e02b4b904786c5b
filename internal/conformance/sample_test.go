package conformance

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/scenario"
)

const libraryDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// small is a library of four scenarios that are scored and one that is not.
func small() Catalog {
	return Catalog{Digest: libraryDigest, Scenarios: []*scenario.Scenario{
		{Name: "deny-all", Level: scenario.LevelMust, Features: []string{"ingress", "egress"}},
		{Name: "allow-one", Level: scenario.LevelMust, Features: []string{"ingress", "pod-selector"}},
		{Name: "from-outside", Level: scenario.LevelMust, Features: []string{"external-host", "ingress"}},
		{Name: "port-range", Level: scenario.LevelOptional, Features: []string{"end-port", "ingress"}},
		{Name: "sctp-isolates", Level: scenario.LevelOptional, Features: []string{"ingress", "sctp"}},
		{Name: "own-node", Level: scenario.LevelContested, Features: []string{"egress"}},
	}}
}

func about() Implementation {
	return Implementation{
		Organization: "example", Project: "example-cni", Version: "v1.2.3",
		URL: "https://example.com/", Contact: []string{"https://example.com/maintainers", "@maintainer"},
	}
}

func good(sc *scenario.Scenario) judge.Scenario {
	s := judge.Scenario{
		Name: sc.Name, Topic: "basics", Level: sc.Level, Features: sc.Features, Result: judge.Pass,
		Steps: []judge.Step{{Name: "deny", Result: judge.Pass, Rounds: 2, Probes: 96, Allowed: 60, Denied: 36}},
	}
	if !sc.Level.Scored() {
		s.Result = judge.Recorded
	}
	return s
}

// input is a complete run in which everything passed, as edit leaves it.
func input(edit ...func(*report.Input)) report.Input {
	in := report.Input{
		Tool: "v0.1.0", Command: []string{"cniproof", "run", "--cluster", "kind", "--cni", "example"},
		Library: report.Library{BuiltIn: true, Digest: libraryDigest, Scenarios: len(small().Scenarios)},
		Cluster: report.Cluster{
			Provider: "kind", Implementation: "Example", Version: "v1.2.3", Kubernetes: "v1.36.3", Nodes: 2,
			Families: []flow.Family{flow.IPv4, flow.IPv6}, Protocols: []flow.Protocol{flow.TCP, flow.UDP, flow.SCTP},
		},
		Run: &judge.Run{
			Begin: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), Took: time.Minute,
			Preflight: judge.Preflight{Result: judge.Pass, Enforced: true, Message: "enforced"},
		},
	}
	for _, sc := range small().Scenarios {
		in.Run.Scenarios = append(in.Run.Scenarios, good(sc))
	}
	for _, e := range edit {
		e(&in)
	}
	return in
}

func entry(in *report.Input, name string) *judge.Scenario {
	for i := range in.Run.Scenarios {
		if in.Run.Scenarios[i].Name == name {
			return &in.Run.Scenarios[i]
		}
	}
	return nil
}

// became is an edit: a scenario came to another result.
func became(name string, result judge.Result, reason string) func(*report.Input) {
	return func(in *report.Input) {
		s := entry(in, name)
		s.Result, s.Reason = result, reason
		if result == judge.Skipped {
			s.Steps = nil
		} else {
			s.Steps[0].Result = result
		}
	}
}

// without is an edit: a scenario was not selected.
func without(names ...string) func(*report.Input) {
	return func(in *report.Input) {
		for _, name := range names {
			for i, s := range in.Run.Scenarios {
				if s.Name == name {
					in.Run.Scenarios = append(in.Run.Scenarios[:i], in.Run.Scenarios[i+1:]...)
					break
				}
			}
		}
	}
}

// source is a run as it is read from a file; spoil changes what the file says.
func source(t *testing.T, file string, in report.Input, spoil ...func(*report.Document)) *Source {
	t.Helper()
	d := report.NewDocument(in)
	for _, s := range spoil {
		s(d)
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSource(file, text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// made is the report of runs, and the same report as it is read back.
func made(t *testing.T, sources ...*Source) (*Report, *File) {
	t.Helper()
	r, err := small().New(about(), sources...)
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.YAML()
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read("report.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return r, f
}
