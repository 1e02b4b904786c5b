package runner_test

import (
	"slices"
	"strings"
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
		{engine.StaleOnPodRecreate, "recreated-pod-unknown", []string{"recreated-pod-stays-isolated", "recreated-peer-stays-admitted"}},
		{engine.IPReuseStale, "taken-for-earlier-pod", []string{"verdicts-follow-the-pod-not-its-address"}},
		{engine.LateDeleteBreaksNewPod, "address-forgotten", []string{"verdicts-follow-the-pod-not-its-address"}},
		{engine.UnreadyPodsOpen, "unready-pods-open", []string{"unready-pods-count"}},
		{engine.UnreadyPeersForgotten, "unready-peers-forgotten", []string{"unready-pods-count"}},
		{engine.StaleOnNamespaceRecreate, "renewed-namespace-labels", []string{"renewed-namespace-is-a-new-one"}},
		{engine.NewPodOpen, "new-pod-open", []string{"new-pods-keep-to-policies-from-their-first-instant"}},
		{engine.AnswersToldByPort, "source-port-passes", []string{"source-port-opens-nothing"}},
		{engine.UDPAnswersToldByPort, "source-port-passes", []string{"source-port-opens-nothing"}},
		{engine.AnswersDenied, "answers-denied", []string{"canonical-deny-ingress", "udp-in-egress"}},
		{engine.PeersCrossed, "peers-crossed", []string{"pairs-of-selectors-are-not-crossed"}},
		{engine.LabelSignsAlike, "label-signs-alike", []string{"words-that-differ-in-one-sign"}},
		{engine.ControllerLabelsIgnored, "controller-labels-forgotten", []string{"labels-that-controllers-set-count"}},
		{engine.UpdateForgetsNamesakes, "bystanders-forgotten", []string{"others-stay-when-one-changes"}},
		{engine.RestartFailsOpen, "policies-absent", []string{"restart-under-load"}},
		{engine.RestartFailsClosed, "isolated-closed", []string{"restart-under-load"}},
		{engine.TransientDropOnUpdate, "isolated-closed", []string{"irrelevant-rule-added"}},
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

// TestReadingOfAFlap has the rules vanish now and then: wherever a table was right first,
// that is named.
func TestReadingOfAFlap(t *testing.T) {
	list := slices.DeleteFunc(library(t), func(s *scenarioT) bool { return s.Topic != "guide" })
	result := runOn(t, open(t, string(engine.Flapping)), runner.Config{Scenarios: list, Parallel: 6, Hold: 500 * time.Millisecond})
	flapped := 0
	for _, s := range result.Scenarios {
		for _, step := range s.Steps {
			if len(step.Flaps) == 0 {
				continue
			}
			flapped++
			// Rules vanish in the middle of a round: what is seen open may be what one policy denies.
			if !slices.ContainsFunc(step.Readings, func(r judge.Reading) bool { return strings.HasSuffix(r.Name, "policies-absent") }) {
				t.Errorf("%s: the readings are %v", s.Name, step.Readings)
			}
		}
	}
	if flapped == 0 {
		t.Errorf("nothing flapped\n%s", text(t, result))
	}
}

// TestReadingKnowsTheStage has a scenario fail for what an earlier one did to the pods
// that both have.
func TestReadingKnowsTheStage(t *testing.T) {
	list := slices.DeleteFunc(library(t), func(s *scenarioT) bool {
		return s.Name != "recreated-pod-stays-isolated" && s.Name != "recreated-peer-stays-admitted"
	})
	result := runOn(t, open(t, string(engine.StaleOnPodRecreate)), runner.Config{Scenarios: list, Parallel: 1, Within: 1500 * time.Millisecond})
	if got := result.Count(judge.Fail); got != len(list) {
		t.Errorf("%d of %d scenarios failed", got, len(list))
	}
	for _, s := range result.Scenarios {
		if got := firstReading(s); got != "recreated-pod-unknown" {
			t.Errorf("%s: the first reading is %q\n%s", s.Name, got, text(t, result))
		}
	}
}

// TestReadingOfALateStart waits until a new pod is admitted at last.
func TestReadingOfALateStart(t *testing.T) {
	list := slices.DeleteFunc(library(t), func(s *scenarioT) bool { return s.Name != "new-pods-keep-to-policies-from-their-first-instant" })
	result := runOn(t, open(t, string(engine.NewPodClosed)), runner.Config{Scenarios: list, Parallel: 1})
	if got := firstReading(result.Scenarios[0]); got != "new-pod-unadmitted" {
		t.Errorf("the first reading is %q\n%s", got, text(t, result))
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
