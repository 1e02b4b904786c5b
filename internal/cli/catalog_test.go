package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cni"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

// What the catalog says of features and scenarios is said of such as exist.
func TestCatalogFitsTheLibrary(t *testing.T) {
	library, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := cni.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range catalog {
		if err := fits(e); err != nil {
			t.Error(err)
		}
		for _, d := range e.Deviations {
			for _, name := range d.Scenarios {
				if !slices.ContainsFunc(library, func(s *scenario.Scenario) bool { return s.Name == name }) {
					t.Errorf("%s deviates in %q, which is no scenario", e.Name, name)
				}
			}
		}
	}
}

func TestEntryThatDoesNotFit(t *testing.T) {
	e := cni.Entry{Name: "mine", Spec: cni.Spec{
		Lacks:      map[string]string{"endport": "too old"},
		Deviations: []cni.Deviation{{Flows: []string{"a/b -> c/d", "a -> -> b"}}},
	}}
	err := fits(e)
	if err == nil || !strings.Contains(err.Error(), `unknown feature "endport": did you mean "end-port"?`) || strings.Count(err.Error(), "flows:") != 1 {
		t.Errorf("error %v", err)
	}
}

// Flow lines decide which flows a deviation is about; without any it is about all.
func TestKnownDeviations(t *testing.T) {
	list := knownDeviations([]cluster.Deviation{
		{Scenarios: []string{"a"}, Flows: []string{"x/a -> x/b", "* -> y/c:53/UDP"}, Confirmed: "seen"},
		{Scenarios: []string{"b"}},
	})
	if len(list) != 2 || list[1].Explains != nil || list[0].Confirmed != "seen" {
		t.Fatalf("%+v", list)
	}
	for _, test := range []struct {
		to   flow.Endpoint
		port uint16
		p    flow.Protocol
		want bool
	}{{flow.Pod("x", "b"), 80, flow.TCP, true}, {flow.Pod("y", "c"), 53, flow.UDP, true}, {flow.Pod("y", "c"), 53, flow.TCP, false}} {
		f := flow.Flow{Source: flow.Pod("x", "a"), Destination: test.to, Port: test.port, Protocol: test.p, Via: flow.PodIP, Family: flow.IPv4}
		if got := list[0].Explains(f); got != test.want {
			t.Errorf("%s: %t", f, got)
		}
	}
}
