package runner

import (
	"slices"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/latency"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Both witnesses agree on every step, under every load, and every step but the first
// turns flows in the way of its name, and no other flow.
func TestEveryChangeTurnsFlowsItsWay(t *testing.T) {
	for _, load := range []LatencyLoad{{}, {Policies: 3}, {Peers: 3}, {Peers: 10}, {Policies: 1000, Peers: 100}} {
		s, err := latencyScenario(load)
		if err != nil {
			t.Fatal(err)
		}
		applied := 0
		for _, act := range s.Steps[0].Acts {
			applied += len(act.Apply)
		}
		if applied != load.Policies {
			t.Errorf("%+v: %d policies", load, applied)
		}
		if n := selected(s); n != max(2, load.Peers) {
			t.Errorf("%+v: %d peers", load, n)
		}
		flows := latencyFlows(s, []flow.Family{flow.IPv4, flow.IPv6})
		if len(flows) != 6 {
			t.Errorf("%+v: flows %v", load, flows)
		}
		play, binding := oracle.NewPlay(s), scenario.Symbolic(s.Topology)
		before := slices.Repeat([]flow.Verdict{flow.Allow}, len(flows))
		var seen []latency.Change
		for n, step := range s.Steps {
			world, err := play.Next(binding, binding)
			if err != nil {
				t.Fatal(err)
			}
			expected := make([]flow.Verdict, len(flows))
			for i, f := range flows {
				expected[i] = step.Expect.Verdict(f)
				if computed := world.Expect(f); computed != expected[i] {
					t.Errorf("%+v: step %q: %s: written %s, computed %s", load, step.Name, f, expected[i], computed)
				}
				if f.Destination == latencyControl() && expected[i] != flow.Allow {
					t.Errorf("step %q: the control flow %s is %s", step.Name, f, expected[i])
				}
			}
			if n > 0 {
				change := changeOf(step)
				seen = append(seen, change)
				turned(t, change, arrived(step, flows, before), expected)
			}
			before = expected
		}
		checkChanges(t, seen)
	}
}

func turned(t *testing.T, c latency.Change, before, expected []flow.Verdict) {
	t.Helper()
	to, n := map[latency.Way]flow.Verdict{latency.Enforced: flow.Deny, latency.Revoked: flow.Allow}[c.Way], 0
	for i := range expected {
		if expected[i] != before[i] {
			n++
			if expected[i] != to {
				t.Errorf("%s: a flow becomes %s", c, expected[i])
			}
		}
	}
	if n == 0 {
		t.Errorf("%s: turns no flow", c)
	}
}

func checkChanges(t *testing.T, seen []latency.Change) {
	t.Helper()
	for _, kind := range latency.Kinds() {
		for _, way := range []latency.Way{latency.Enforced, latency.Revoked} {
			c := latency.Change{Kind: kind, Way: way}
			want := 1
			if kind == latency.PeerRecreated && way == latency.Enforced {
				want = 0 // a pod that is new was never allowed
			}
			n := 0
			for _, other := range seen {
				if other == c {
					n++
				}
			}
			if n != want {
				t.Errorf("%s: %d steps, want %d", c, n, want)
			}
		}
	}
}

func selected(s *scenario.Scenario) int {
	n := 0
	for _, p := range s.Topology.Pods {
		if p.Labels["app"] == "guest" {
			n++
		}
	}
	return n
}
