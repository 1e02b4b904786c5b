package cli

import (
	"slices"
	"testing"

	"github.com/cniproof/cniproof/internal/cni"
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
		for feature := range e.Lacks {
			if !slices.ContainsFunc(scenario.Features(), func(f scenario.Feature) bool { return f.Name == feature }) {
				t.Errorf("%s lacks %q, which is no feature", e.Name, feature)
			}
		}
		for _, d := range e.Deviations {
			for _, name := range d.Scenarios {
				if !slices.ContainsFunc(library, func(s *scenario.Scenario) bool { return s.Name == name }) {
					t.Errorf("%s deviates in %q, which is no scenario", e.Name, name)
				}
			}
			for _, line := range d.Flows {
				if _, err := scenario.ParseFlowLine(line); err != nil {
					t.Errorf("%s deviates in flows %q: %v", e.Name, line, err)
				}
			}
		}
	}
}
