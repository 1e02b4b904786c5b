package report

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// TestDebuts is what is said of flows of a new pod: one leaked, one could not be told
// and one was as it should be.
func TestDebuts(t *testing.T) {
	f := flow.Flow{Source: flow.Pod("x", "new"), Destination: flow.Pod("x", "near"), Protocol: flow.TCP, Port: 80, Via: flow.PodIP, Family: flow.IPv4}
	var step judge.Step
	step.AddDebuts([]judge.Debut{
		{Flow: f, By: judge.ByContainer, Expected: flow.Deny, Stretches: []flow.Stretch{
			{Outcome: flow.TimedOut, Count: 2}, {Outcome: flow.Connected, Count: 3, First: 20 * time.Millisecond, Took: time.Millisecond},
		}},
		{Flow: f, By: judge.ByPeer, Expected: flow.Deny, Trouble: "could not tell: no stream"},
		{Flow: f, By: judge.ByContainer, Expected: flow.Allow, Stretches: []flow.Stretch{{Outcome: flow.Connected, Count: 50, First: 4 * time.Millisecond}}},
	}, time.Second)
	want := []DebutEntry{
		{f.String(), "container", flow.Deny, judge.Fail, f.String() + " connected 21ms after the new pod's first instant", 21, map[flow.Outcome]int{flow.TimedOut: 2, flow.Connected: 3}},
		{f.String(), "peer", flow.Deny, judge.Inconclusive, f.String() + ": could not tell: no stream", -1, map[flow.Outcome]int{}},
		{f.String(), "container", flow.Allow, judge.Pass, "", 4, map[flow.Outcome]int{flow.Connected: 50}},
	}
	if diff := cmp.Diff(want, debutEntries(&step)); diff != "" {
		t.Errorf("entries, -want +got:\n%s", diff)
	}
	for r, why := range map[judge.Result]string{judge.Fail: "It connected 21ms after the new pod's first instant", judge.Inconclusive: "could not tell: no stream"} {
		if got := debutSights(&step, r); len(got) != 1 || got[0].why != why {
			t.Errorf("%s: %+v, want %q", r, got, why)
		}
	}
	if rows := latencyRows(&judge.Run{Scenarios: []judge.Scenario{{Steps: []judge.Step{step}}}}); len(rows) != 1 || rows[0].name != "new pods" {
		t.Errorf("latencies %+v", rows)
	}
}
