package spelling_test

import (
	"testing"

	"github.com/cniproof/cniproof/internal/spelling"
)

func TestSuggest(t *testing.T) {
	known := []string{"podSelector", "namespaceSelector", "ipBlock", "ports", "from"}
	tests := map[string]string{
		"podselector": `did you mean "podSelector"?`,
		"podSelecter": `did you mean "podSelector"?`,
		"prots":       `did you mean "ports"?`,
		"namespace":   `did you mean "namespaceSelector"?`,
		"port":        `did you mean "ports"?`,
		"elector":     `did you mean "podSelector" or "namespaceSelector"?`,
		"x":           "known are from, ipBlock, namespaceSelector, podSelector, ports",
	}
	for name, want := range tests {
		if got := spelling.Suggest(name, known); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := spelling.Suggest("x", nil); got != "there is none" {
		t.Error(got)
	}
	if got := spelling.Suggest("x/d", []string{"x/a", "x/b"}); got != "known are x/a, x/b" {
		t.Error(got)
	}
}
