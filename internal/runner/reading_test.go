package runner_test

import (
	"slices"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/cluster/embedded/engine"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
)

// TestReadingsNameTheFault plants faults in the engine, which knows nothing of
// readings, and demands that the reading which is the fault is the first that is
// named of what was seen: of each scenario, and of the steps that came before.
func TestReadingsNameTheFault(t *testing.T) {
	for _, c := range []struct {
		fault     engine.Fault
		reading   string
		scenarios []string
	}{
		{engine.AndAsOr, "and-as-or", []string{"and-in-one-peer", "consumers-only", "both-ends-must-agree"}},
		{engine.ExceptAsDeny, "except-as-deny", []string{"except-allowed-again-by-a-peer", "except-allowed-again-by-a-rule"}},
		{engine.StaleOnPodRelabel, "pod-labels-stale", []string{"absence-follows-removal", "policy-comes-with-the-label"}},
		{engine.NamedPortOfFirstPod, "named-port-of-one-pod", []string{"number-of-a-named-port", "named-port-in-egress-without-peers"}},
		{engine.RepliesDropped, "replies-judged", []string{"canonical-deny-egress", "consumers-only", "exact-number"}},
		{engine.IPv6Unenforced, "ipv6-open", []string{"and-in-one-peer"}},
		{engine.IgnorePorts, "ports-ignored", []string{"and-in-one-peer"}},
		{engine.StaleOnDelete, "policy-deletion-stale", []string{"and-in-one-peer"}},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			list := slices.DeleteFunc(library(t), func(s *scenarioT) bool { return !slices.Contains(c.scenarios, s.Name) })
			result := runOn(t, open(t, string(c.fault)), runner.Config{Scenarios: list, Parallel: len(list), Within: 1500 * time.Millisecond})
			for _, s := range result.Scenarios {
				if got := firstReading(s); got != c.reading {
					t.Errorf("%s: the first reading is %q, want %q\n%s", s.Name, got, c.reading, text(t, result))
				}
			}
			if got := result.Count(judge.Fail); got != len(c.scenarios) {
				t.Errorf("%d of %d scenarios failed", got, len(c.scenarios))
			}
		})
	}
}

func firstReading(s judge.Scenario) string {
	for _, step := range s.Steps {
		if len(step.Readings) > 0 {
			return step.Readings[0].Name
		}
	}
	return ""
}
