package flow_test

import (
	"encoding"
	"slices"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
)

func TestWordsSurviveTheWire(t *testing.T) {
	protocol, family, via := flow.SCTP, flow.IPv6, flow.ClusterIP
	verdict, outcome := flow.Undefined, flow.WrongPeer
	for word, v := range map[string]struct {
		in  encoding.TextMarshaler
		out encoding.TextUnmarshaler
	}{
		"SCTP":       {protocol, new(flow.Protocol)},
		"ipv6":       {family, new(flow.Family)},
		"clusterIP":  {via, new(flow.Via)},
		"undefined":  {verdict, new(flow.Verdict)},
		"wrong-peer": {outcome, new(flow.Outcome)},
	} {
		text, err := v.in.MarshalText()
		if err != nil || string(text) != word {
			t.Errorf("%v is written as %q (%v), want %q", v.in, text, err, word)
		}
		if err := v.out.UnmarshalText(text); err != nil {
			t.Errorf("reading %q: %v", text, err)
		}
		if err := v.out.UnmarshalText([]byte("nonsense")); err == nil {
			t.Errorf("%T took nonsense", v.out)
		}
	}
}

func TestOnlySilenceAndRefusalAreEvidenceOfADenial(t *testing.T) {
	for outcome, want := range map[flow.Outcome]flow.Verdict{
		flow.OutcomeUnknown: flow.Unknown, flow.Connected: flow.Allow,
		flow.TimedOut: flow.Deny, flow.Refused: flow.Deny, flow.Reset: flow.Deny, flow.Unreachable: flow.Deny,
		flow.WrongPeer: flow.Unknown, flow.Failed: flow.Unknown, flow.Unanswered: flow.OneWay,
	} {
		if got := (flow.Sample{Outcome: outcome}).Verdict(); got != want {
			t.Errorf("%s is evidence for %s, want %s", outcome, got, want)
		}
	}
}

func TestFlowsAreWrittenAsFlowLines(t *testing.T) {
	f := flow.Flow{Source: flow.External(2), Destination: flow.Pod("prod", "db"), Protocol: flow.TCP, Port: 3306, Via: flow.PodIP, Family: flow.IPv4}
	if got, want := f.String(), "external/2 -> prod/db:3306/TCP via podIP over ipv4"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for e, want := range map[flow.Endpoint]string{
		flow.External(1): "external", flow.Node(1): "node/1", flow.DNS(): "dns", {}: "unknown",
	} {
		if got := e.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestFlowsAreOrderedByNumberNotByText(t *testing.T) {
	list := []flow.Flow{{Source: flow.Node(10)}, {Source: flow.Node(9)}, {Source: flow.Pod("a", "b"), Port: 2}, {Source: flow.Pod("a", "b"), Port: 1}}
	slices.SortFunc(list, flow.Compare)
	if list[0].Port != 1 || list[1].Port != 2 || list[2].Source != flow.Node(9) {
		t.Errorf("sorted as %v", list)
	}
}
