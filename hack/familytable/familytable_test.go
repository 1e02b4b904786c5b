package main

import (
	"testing"

	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

// TestFamiliesAreTheSurveys checks the numbers of the survey, and that the families which
// a static table shows all have scenarios.
func TestFamiliesAreTheSurveys(t *testing.T) {
	list, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	all, homeless := rows(list, nil)
	if len(all) != 28 {
		t.Errorf("%d families, the survey has 28", len(all))
	}
	static := map[string]bool{}
	for _, name := range []string{
		"except of an ipBlock", "named ports", "the path over a ClusterIP", "IPv6, dual stack", "union of policies", "isolation defaults",
		"capacity and convergence", "placement", "hairpin", "fragments of UDP", "names, hashes and identifiers collide",
	} {
		static[name] = true
	}
	for _, r := range all {
		if static[r.name] && len(r.scenarios) == 0 {
			t.Errorf("family %q has no scenario", r.name)
		}
		delete(static, r.name)
	}
	for name := range static {
		t.Errorf("there is no family %q", name)
	}
	if len(homeless) > len(list)/4 {
		t.Errorf("%d of %d scenarios belong to no family", len(homeless), len(list))
	}
}
