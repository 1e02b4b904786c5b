package engine

import (
	"slices"
	"strings"
	"testing"
)

func TestFaultTable(t *testing.T) {
	seen := map[Fault]bool{}
	for _, f := range AllFaults() {
		if seen[f.Name] {
			t.Errorf("fault %q is listed twice", f.Name)
		}
		seen[f.Name] = true
		if !strings.HasSuffix(f.Sentence, ".") || strings.ToLower(string(f.Name)) != string(f.Name) {
			t.Errorf("fault %q: %q is no sentence, or the name is not in lower case", f.Name, f.Sentence)
		}
	}
}

func TestParseFaults(t *testing.T) {
	faults, err := ParseFaults([]string{"ignore-except", "flapping", "ignore-except"})
	if err != nil || !faults.Has(IgnoreExcept) || !faults.Has(Flapping) || faults.Has(OrAsAnd) {
		t.Errorf("faults %v, error %v", faults.Names(), err)
	}
	if names := faults.Names(); !slices.Equal(names, []string{"flapping", "ignore-except"}) {
		t.Errorf("names %q", names)
	}
	_, err = ParseFaults([]string{"ignore-excepts", "flapping", "stale-on-pod", "utter-nonsense"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`unknown fault "ignore-excepts": did you mean "ignore-except"?`,
		`"stale-on-pod-relabel" or "stale-on-pod-recreate"`,
		`unknown fault "utter-nonsense"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "utter-nonsense\": did") {
		t.Errorf("error %q suggests something for nonsense", err)
	}
}
