package runner_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/embedded"
	"github.com/cniproof/cniproof/internal/cluster/embedded/engine"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

type scenarioT = scenario.Scenario

func TestMain(m *testing.M) {
	if err := embedded.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func library(t *testing.T) []*scenarioT {
	t.Helper()
	list, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// open makes an embedded cluster with these faults, which the test removes.
func open(t *testing.T, faults ...string) cluster.Cluster {
	t.Helper()
	planted, err := engine.ParseFaults(faults)
	if err != nil {
		t.Fatal(err)
	}
	c, err := embedded.New(embedded.Options{Faults: planted}).Open(t.Context(), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil { //nolint:usetesting // t.Context has ended by now
			t.Error(err)
		}
	})
	return c
}

func runOn(t *testing.T, c cluster.Cluster, cfg runner.Config) *judge.Run {
	t.Helper()
	cfg.Cluster, cfg.ID = c, "test"
	return runner.Run(t.Context(), cfg)
}

func text(t *testing.T, r *judge.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, "text", report.Input{Tool: "test", Run: r}, report.Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTheReferenceEnginePasses runs the whole library.
func TestTheReferenceEnginePasses(t *testing.T) {
	list := library(t)
	result := runOn(t, open(t), runner.Config{Scenarios: list, Parallel: 8})
	for _, bad := range []judge.Result{judge.Fail, judge.Inconclusive, judge.Skipped} {
		if n := result.Count(bad); n > 0 {
			t.Errorf("%d scenarios: %s\n%s", n, bad, text(t, result))
		}
	}
	if len(result.Scenarios) != len(list) || result.Err != "" || result.Interrupted {
		t.Errorf("%d results for %d scenarios, error %q, interrupted %v", len(result.Scenarios), len(list), result.Err, result.Interrupted)
	}
	for _, s := range result.Scenarios {
		bracketed(t, s)
	}
}

// bracketed checks that a scenario ends with every flow connected, in a control or
// in a step of its own: without that no denial would be proved.
func bracketed(t *testing.T, s judge.Scenario) {
	t.Helper()
	last, unsettled := s.Steps[len(s.Steps)-1], 0
	for i, v := range last.Expected { // what no specification settles needs no control
		if v == flow.Undefined && s.Result != judge.Recorded && !s.Flows[i].Unsettled() {
			unsettled++
		}
	}
	if last.Result != judge.Pass || last.Denied+unsettled > 0 {
		t.Errorf("%s ends with step %q, %s, %d flows denied", s.Name, last.Name, last.Result, last.Denied)
	}
}

func named(t *testing.T, names ...string) []*scenarioT {
	t.Helper()
	list := slices.DeleteFunc(library(t), func(s *scenarioT) bool { return !slices.Contains(names, s.Name) })
	if len(list) != len(names) {
		t.Fatalf("of the scenarios %q there are only %d", names, len(list))
	}
	return list
}

func TestTheSeedGivesTheOrder(t *testing.T) {
	c := open(t)
	order := func(seed uint64) string {
		var names []string
		runOn(t, c, runner.Config{
			Scenarios: named(t, "and-in-one-peer", "exact-number", "end-port-edges", "several-ingress-rules", "ipv6-except"),
			Parallel:  1, Seed: seed,
			Progress: func(e runner.Event) {
				if e.Started != nil {
					names = append(names, e.Started.Name)
				}
			},
		})
		return strings.Join(names, " ")
	}
	first := order(7)
	if again := order(7); again != first {
		t.Errorf("seed 7 gave %q, then %q", first, again)
	}
	if other := order(8); other == first {
		t.Errorf("seeds 7 and 8 both gave %q", first)
	}
}

func TestAnInterruptedRunReportsWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	list := library(t)
	c := open(t)
	result := runner.Run(ctx, runner.Config{
		Cluster: c, ID: "test", Scenarios: list, Parallel: 4,
		Progress: func(e runner.Event) {
			if e.Done == 3 {
				cancel()
			}
		},
	})
	if !result.Interrupted || len(result.Scenarios) != len(list) {
		t.Errorf("interrupted %v, %d results for %d scenarios", result.Interrupted, len(result.Scenarios), len(list))
	}
	if pass, skipped := result.Count(judge.Pass)+result.Count(judge.Recorded), result.Count(judge.Skipped); pass < 2 || pass+skipped != len(list) {
		t.Errorf("%d passed and %d were skipped of %d", pass, skipped, len(list))
	}
	gone(t, c)
}

// gone checks that a run left no namespace behind.
func gone(t *testing.T, c cluster.Cluster) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := leftovers(t, c)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %v", left)
		}
	}
}

// TestNobodyMeetsTheDatagramsOfTheScenarioBefore runs two scenarios with the same pods, of
// which each denies datagrams from a port from which the other has let them through.
func TestNobodyMeetsTheDatagramsOfTheScenarioBefore(t *testing.T) {
	s := named(t, "source-port-opens-nothing")[0]
	mirror, why := s.Mirror()
	if mirror == nil {
		t.Fatal(why)
	}
	result := runOn(t, open(t), runner.Config{Scenarios: []*scenarioT{s, mirror}, Parallel: 1})
	if result.Count(judge.Pass) != 2 {
		t.Errorf("want 2 passes:\n%s", text(t, result))
	}
}

// TestARestartDisturbsNobody: no other scenario runs while one restarts the CNI's agent.
func TestARestartDisturbsNobody(t *testing.T) {
	const disturbs = "restart-keeps-the-policies"
	list := named(t, disturbs, "canonical-deny-all", "canonical-deny-ingress", "canonical-deny-egress", "deny-per-namespace")
	result := runOn(t, open(t), runner.Config{Scenarios: list, Parallel: len(list)})
	i := slices.IndexFunc(result.Scenarios, func(s judge.Scenario) bool { return s.Name == disturbs })
	alone := result.Scenarios[i]
	for _, s := range result.Scenarios {
		if s.Name != disturbs && s.Begin.Before(alone.Begin.Add(alone.Took)) && alone.Begin.Before(s.Begin.Add(s.Took)) {
			t.Errorf("%s ran from %s for %s, beside %s from %s for %s", s.Name, s.Begin, s.Took, disturbs, alone.Begin, alone.Took)
		}
	}
	if len(result.Scenarios) != len(list) || result.Count(judge.Pass) != len(list) {
		t.Errorf("want %d passes:\n%s", len(list), text(t, result))
	}
}
