package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// A sample is a run that never was, with its name in testdata.
type sample struct {
	name string
	in   Input
	big  bool // too big for a golden file of every flow
}

var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func samples() []sample {
	return []sample{
		{"pass", passed(), false},
		{"fault", faulty(), false},
		{"one-family", oneFamily(), false},
		{"nothing-enforced", nothingEnforced(), true},
		{"inconclusive", inconclusive(), false},
		{"flaps", flapping(), false},
		{"steady", leaking(), false},
		{"interrupted", interrupted(), false},
		{"skipped", skipping(), false},
		{"recorded", recording(), false},
		{"broken", broken(), false},
		{"known-deviation", deviating(false), false},
		{"allowed-deviation", deviating(true), true},
	}
}

func input(r *judge.Run, faults ...string) Input {
	command := []string{"cniproof", "run"}
	for _, f := range faults {
		command = append(command, "--fault", f)
	}
	r.Begin, r.Seed, r.Parallel = begin, 4711, 4
	if r.Preflight.Result == "" && r.Err == "" {
		r.Preflight = judge.Preflight{Result: judge.Pass, Enforced: true, Message: "A default-deny policy was enforced within 12ms."}
	}
	return Input{
		Tool:    "v0.1.0",
		Command: command,
		Library: Library{BuiltIn: true, Digest: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Scenarios: 250},
		Cluster: Cluster{
			Provider:       "embedded",
			Implementation: "reference engine",
			Version:        "v0.1.0",
			Kubernetes:     "v1.36.3",
			Reference:      true,
			Faults:         faults,
			Families:       []flow.Family{flow.IPv4, flow.IPv6},
			Protocols:      []flow.Protocol{flow.TCP, flow.UDP, flow.SCTP},
			Nodes:          2,
		},
		Run: r,
	}
}

func scene(name, topic, summary string, result judge.Result, steps ...judge.Step) judge.Scenario {
	s := judge.Scenario{
		Name: name, Topic: topic, Summary: summary,
		Level:    scenario.LevelMust,
		Features: []string{"ingress", "pod-selector"},
		Refs:     []string{"https://kubernetes.io/docs/concepts/services-networking/network-policies/"},
		Result:   result, Begin: begin, Took: 430 * time.Millisecond, Stage: 1,
	}
	s.Steps = append(s.Steps, step("control before: no policy", judge.Pass, nil))
	s.Steps[0].Control = true
	s.Steps = append(s.Steps, steps...)
	s.Spent = judge.Spent{
		Deploying: 90 * time.Millisecond, API: 12 * time.Millisecond, Waiting: 128 * time.Millisecond,
		Holding: 200 * time.Millisecond, Silence: 80 * time.Millisecond,
	}
	for _, st := range steps {
		if s.Reason == "" && st.Reason != "" {
			s.Reason = fmt.Sprintf("%s: %s", st.Name, st.Reason)
		}
	}
	return s
}

func step(name string, result judge.Result, cells []judge.Cell) judge.Step {
	s := judge.Step{
		Name: name, Result: result, Begin: begin, Took: 120 * time.Millisecond, Rounds: 4, Probes: 4 * 96,
		Allowed: 60, Denied: 36, Cells: cells,
	}
	wrong, judged := 0, 0
	for _, c := range cells {
		if c.Expected != flow.Undefined {
			judged++
		}
		if c.Wrong() {
			wrong++
		}
	}
	if result == judge.Fail {
		s.Took = 10 * time.Second
		s.Reason = fmt.Sprintf("%d of %d flows wrong after 10s", wrong, judged)
	}
	return s
}

func measured(s judge.Step, enforce, revoke time.Duration) judge.Step {
	if enforce > 0 {
		s.Enforce = &judge.Latency{Flows: 36, FirstCorrect: enforce / 2, LastWrong: enforce - time.Millisecond, Settled: enforce}
	}
	if revoke > 0 {
		s.Revoke = &judge.Latency{Flows: 36, FirstCorrect: revoke, Settled: revoke}
	}
	s.Spent.Waiting = max(enforce, revoke)
	s.Spent.Holding = s.Took - s.Spent.Waiting
	return s
}

func good(name string, n int) judge.Scenario {
	ms := time.Duration(n) * time.Millisecond
	return scene(name, "basics", "A selected pod is isolated.", judge.Pass,
		measured(step("deny", judge.Pass, nil), 8*ms, 0), measured(step("policy removed", judge.Pass, nil), 0, 5*ms))
}

func passed() Input {
	r := &judge.Run{Took: 2150 * time.Millisecond, Axes: []judge.AxisCount{
		{Axis: "via", Value: "podIP", Scenarios: 12, Flows: 400}, {Axis: "via", Value: "clusterIP", Scenarios: 11, Flows: 380},
		{Axis: "family", Value: "ipv4", Scenarios: 12, Flows: 780}, {Axis: "direction", Value: "written", Scenarios: 12, Flows: 780},
	}}
	for i, name := range []string{"default-deny-ingress", "default-deny-egress", "allow-all-ingress", "policies-add-up"} {
		r.Scenarios = append(r.Scenarios, good(name, i+1))
	}
	r.Promises = []judge.Promise{
		{Behaviour: "Policies add up; `*` is no name", Scenarios: []string{"policies-add-up"}, Along: []judge.Tried{
			{Axis: "via", Value: "podIP", Scenarios: 1}, {Axis: "via", Value: "dns"}, {Axis: "direction", Value: "mirrored", Without: "it has no direction"},
		}},
		{Behaviour: "TCP and UDP", Apart: "it takes long", Along: []judge.Tried{
			{Axis: "via", Value: "podIP", Without: "it takes long"}, {Axis: "via", Value: "dns", Without: "it takes long"}, {Axis: "direction", Value: "mirrored", Without: "it takes long"},
		}},
	}
	r.Scenarios[2].Level = scenario.LevelOptional
	r.Scenarios[3].FirstTry = "the cluster failed: an agent did not answer"
	return input(r)
}

func andAsOr() judge.Scenario {
	m := shop()
	m.expect = func(f flow.Flow) flow.Verdict {
		if f.Destination == pod("prod/db") && (f.Source != pod("staging/api") || f.Protocol != flow.TCP) {
			return flow.Deny
		}
		return flow.Allow
	}
	m.see = func(f flow.Flow) flow.Outcome {
		if f.Destination == pod("prod/db") && f.Protocol == flow.TCP {
			return flow.Connected
		}
		return flow.OutcomeUnknown
	}
	m.why = func(f flow.Flow) string {
		missing := "wants env=staging, and namespace prod has env=prod"
		if f.Source == pod("staging/web") {
			missing = "wants name=api-pod, and staging/web has name=web"
		}
		return fmt.Sprintf("must be denied: policy prod/db selects prod/db for ingress and no rule admits %s: rule 1 peer 1 %s", f.Source, missing)
	}
	wrong := step("one peer, both selectors", judge.Fail, m.cells())
	for _, says := range []string{"the two selectors of one peer being joined by OR", "a rule's peers being ignored", "this", "that"} {
		wrong.Readings = append(wrong.Readings, judge.Reading{Name: strings.Fields(says)[0], Says: says})
	}
	s := scene("and-in-one-peer", "peers", "A peer with both selectors admits only pods that match both.", judge.Fail,
		step("no policy", judge.Pass, nil), wrong,
		measured(step("policy removed", judge.Pass, nil), 0, 3*time.Millisecond))
	s.Steps[2].Deeds, s.Steps[2].Source = []scenario.Deed{scenario.Create}, andInOnePeer
	s.Steps[3].Deeds, s.Steps[3].Source = []scenario.Deed{scenario.Delete}, "delete: [networkpolicy/prod/db]"
	return s
}

const andInOnePeer = `apply:
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata: {name: db, namespace: prod}
  spec:
    podSelector: {matchLabels: {role: db}}
    ingress:
    - from:
      - namespaceSelector: {matchLabels: {env: staging}}
        podSelector: {matchLabels: {name: api-pod}} # one peer
      ports: [{protocol: TCP, port: 3306}]`

func faulty() Input {
	r := &judge.Run{Took: 12300 * time.Millisecond}
	r.Scenarios = []judge.Scenario{good("default-deny-ingress", 2), andAsOr(), good("policies-add-up", 3)}
	in := input(r, "and-as-or")
	in.Bundles = Bundles{Path: "cniproof-failures/2026-01-02T03-04-05", Written: 1, LeftOut: 2}
	return in
}

// deviating is a CNI that is known for what it does wrong, and for something that it
// no longer does.
func deviating(allowed bool) Input {
	in := faulty()
	in.Cluster.Implementation, in.Cluster.Version, in.Cluster.Reference, in.Cluster.Faults = "Example", "v1.2.3", false, nil
	in.Command = []string{"cniproof", "run", "--cluster", "kind", "--cni", "example"}
	in.AllowDeviations = allowed
	in.Deviations = []Deviation{
		{
			Scenarios: []string{"and-in-one-peer"}, Explains: func(f flow.Flow) bool { return f.Destination == pod("prod/db") },
			Summary: "Two selectors of one peer are taken for two peers.", Link: "https://example.com/issues/1", Confirmed: "Example v1.2.2 on Kubernetes 1.36, 2026-02-01",
		},
		{
			Scenarios: []string{"policies-add-up", "not-run"}, Summary: "Only the last of several policies counts.",
			Link: "https://example.com/issues/2", Confirmed: "Example v1.0.0 on Kubernetes 1.35, 2025-02-01",
		},
		{Scenarios: []string{"default-deny-ingress"}, Summary: "Hearsay.", Link: "https://example.com/issues/3"},
	}
	return in
}

// oneFamily is a CNI that forgets IPv6 and, on another scenario, ClusterIPs of one pod.
func oneFamily() Input {
	deny := func(f flow.Flow) flow.Verdict {
		if f.Destination == pod("x/a") {
			return flow.Deny
		}
		return flow.Allow
	}
	why := func(f flow.Flow) string {
		return fmt.Sprintf("must be denied: policy x/deny selects x/a for ingress and no rule admits %s: x/deny has no ingress rule", f.Source)
	}
	six, service := standard(), standard()
	six.expect, six.why, service.expect, service.why = deny, why, deny, why
	six.see = func(f flow.Flow) flow.Outcome {
		if f.Family == flow.IPv6 {
			return flow.Connected
		}
		return flow.OutcomeUnknown
	}
	service.see = func(f flow.Flow) flow.Outcome {
		if f.Family == flow.IPv6 && f.Via == flow.ClusterIP && f.Port == 80 && f.Source.Namespace != "x" {
			return flow.Connected
		}
		return flow.OutcomeUnknown
	}
	r := &judge.Run{Took: 12300 * time.Millisecond}
	r.Scenarios = []judge.Scenario{
		scene("deny-ingress", "basics", "A selected pod is isolated.", judge.Fail, step("deny", judge.Fail, six.cells())),
		scene("deny-service", "basics", "A Service is no way around a policy.", judge.Fail, step("deny", judge.Fail, service.cells())),
	}
	in := input(r)
	in.Cluster.Reference, in.Cluster.Implementation, in.Cluster.Version, in.Cluster.Provider = false, "examplenet", "v3.2.1", "kind"
	return in
}

func nothingEnforced() Input {
	m := standard()
	m.expect = func(f flow.Flow) flow.Verdict {
		if f.Source.Namespace == "x" {
			return flow.Deny
		}
		return flow.Allow
	}
	m.see = func(flow.Flow) flow.Outcome { return flow.Connected }
	m.why = func(f flow.Flow) string {
		return fmt.Sprintf("must be denied: policy x/deny selects %s for egress and no rule admits %s: x/deny has no egress rule", f.Source, f.Destination)
	}
	r := &judge.Run{Took: 31 * time.Second, Preflight: judge.Preflight{
		Result:  judge.Fail,
		Message: "a default-deny policy was in place for 2s, and every connection still went through. Either this cluster has no network policy engine, or it is switched off.",
	}}
	for _, name := range []string{"deny-egress", "deny-ingress", "deny-all", "and-in-one-peer", "except", "end-port", "named-port"} {
		r.Scenarios = append(r.Scenarios, scene(name, "basics", "Pods that a policy selects for egress reach nothing.", judge.Fail,
			step("deny", judge.Fail, m.cells())))
	}
	return input(r, "enforce-nothing")
}

func inconclusive() Input {
	m := shop()
	m.expect = func(flow.Flow) flow.Verdict { return flow.Allow }
	m.see = func(f flow.Flow) flow.Outcome {
		switch {
		case f.Source == pod("staging/web"):
			return flow.Failed
		case f.Destination == pod("staging/api") && f.Via == flow.ClusterIP:
			return flow.WrongPeer
		case f.Destination == pod("prod/api") && f.Via == flow.ClusterIP:
			return flow.TimedOut
		}
		return flow.OutcomeUnknown
	}
	r := &judge.Run{Took: 20 * time.Second}
	control := step("control before: no policy", judge.Inconclusive, m.cells())
	control.Control = true
	control.Reason = "20 of 60 flows could not be told"
	doubt := scene("default-deny-egress", "basics", "A selected pod is isolated.", judge.Inconclusive)
	doubt.Steps, doubt.Reason = []judge.Step{control}, "not judged: without any policy, "+control.Reason
	doubt.FirstTry = doubt.Reason
	lost := judge.Scenario{
		Name: "policies-add-up", Topic: "basics", Summary: "Policies add up.", Level: scenario.LevelMust,
		Result: judge.Inconclusive, Reason: "deploying the topology: pod cniproof-x-1/a is not ready after 60s: ImagePullBackOff",
	}
	r.Scenarios = []judge.Scenario{good("default-deny-ingress", 2), doubt, lost}
	return input(r)
}

func flapping() Input {
	m := shop()
	m.expect = func(f flow.Flow) flow.Verdict {
		if f.Destination == pod("prod/db") {
			return flow.Deny
		}
		return flow.Allow
	}
	unstable := step("deny", judge.Fail, m.cells())
	unstable.Reason = "unstable: the table was right 120ms after the change, and 12 flows were wrong 410ms after it; it has to stay for 1s"
	for i, c := range unstable.Cells {
		if c.Expected == flow.Deny && c.Flow.Protocol == flow.TCP {
			unstable.Flaps = append(unstable.Flaps, judge.Flap{
				Flow: c.Flow, Expected: flow.Deny, Outcome: flow.Connected, After: 412*time.Millisecond + time.Duration(i)*time.Millisecond,
			})
		}
	}
	restless := step("no rule left", judge.Fail, m.cells())
	restless.Reason = "unstable: the table was not the same for 2 rounds in a row within 5s"
	for i, c := range restless.Cells {
		if c.Expected == flow.Deny && c.Flow.Family == flow.IPv6 {
			restless.Cells[i].Outcomes = map[flow.Outcome]int{flow.TimedOut: 3, flow.Connected: 1}
		}
	}
	r := &judge.Run{Took: 3 * time.Second}
	r.Scenarios = []judge.Scenario{
		scene("default-deny-ingress", "basics", "A selected pod is isolated.", judge.Fail, unstable),
		scene("rules-to-zero", "updates", "A policy that loses its last rule denies everything.", judge.Fail, restless),
		good("policies-add-up", 3),
	}
	return input(r, "flapping")
}

func interrupted() Input {
	in := faulty()
	in.Run.Interrupted, in.Run.Took = true, 7*time.Second
	in.Run.Scenarios = append(in.Run.Scenarios, judge.Scenario{
		Name: "except", Topic: "ipblock", Summary: "What is excepted is not admitted.", Level: scenario.LevelMust,
		Result: judge.Skipped, Reason: "not run: interrupted",
	})
	return in
}

func skipping() Input {
	r := &judge.Run{Took: 1200 * time.Millisecond, Scenarios: []judge.Scenario{good("default-deny-ingress", 2)}}
	for i, name := range []string{"sctp-isolates", "sctp-rule-is-no-tcp-rule", "node-may-reach-its-pods"} {
		reason := "the cluster has no SCTP: the kernel lacks the sctp module"
		if i == 2 {
			reason = "the cluster has no node-traffic"
		}
		r.Scenarios = append(r.Scenarios, judge.Scenario{
			Name: name, Topic: "sctp", Summary: "SCTP is isolated.", Level: scenario.LevelOptional,
			Result: judge.Skipped, Reason: reason,
		})
	}
	return input(r)
}

func recording() Input {
	m := shop()
	m.vias = []flow.Via{flow.PodIP}
	m.expect = func(f flow.Flow) flow.Verdict {
		switch {
		case f.Destination != pod("prod/db"):
			return flow.Allow
		case f.Source == pod("prod/api"):
			return flow.Undefined
		}
		return flow.Allow
	}
	m.see = func(f flow.Flow) flow.Outcome {
		if f.Destination == pod("prod/db") {
			return flow.Refused
		}
		return flow.OutcomeUnknown
	}
	s := scene("ipblock-in-cluster", "ipblock", "An ipBlock that holds the addresses of pods.", judge.Recorded,
		step("ipBlock of the pod network", judge.Fail, m.cells()))
	s.Level, s.Reason = scenario.LevelContested, "12 flows are not as the text reads literally"
	agreed := scene("egress-to-own-node", "nodes", "An isolated pod dials its own node.", judge.Recorded, step("deny", judge.Pass, nil))
	agreed.Level = scenario.LevelUndefined
	r := &judge.Run{Took: 1200 * time.Millisecond, Scenarios: []judge.Scenario{good("default-deny-ingress", 2), s, agreed}}
	return input(r)
}

func broken() Input {
	return input(&judge.Run{Took: 3 * time.Second, Err: "opening the cluster: creating a network namespace: operation not permitted"})
}
