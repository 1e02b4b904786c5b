package oracle

import (
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// TestHostNetwork is about a pod on its node's network: nothing about it is settled, also
// where a policy selects it, admits it or admits its address.
func TestHostNetwork(t *testing.T) {
	s := load(t, `
  - name: applied`+letBIn+`
    expect: {default: allow, flows: [{deny: "* -> x/a"}]}
`, "x/b: {labels: {pod: b}, node: 1, ports: [80/TCP]}", "x/b: {labels: {pod: b}, node: 1, hostNetwork: true, ports: [8080/TCP]}")
	b := scenario.Symbolic(s.Topology)
	if found := Check(s, b, scenario.AllAxes()); len(found) > 0 {
		t.Fatal(found)
	}
	w, err := NewPlay(s).Next(b, b)
	check(t, err)
	for text, want := range map[string]flow.Verdict{
		"x/b -> x/a:80/TCP": flow.Undefined, "x/a -> x/b:8080/TCP": flow.Undefined, "y/c -> x/b:8080/TCP": flow.Undefined, "y/c -> x/a:80/TCP": flow.Deny,
	} {
		f := parseFlow(t, text)
		if got := w.Expect(f); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
		if says := w.Explain(f).Short(); (want == flow.Undefined) != strings.Contains(says, "x/b, which is on its node's network") {
			t.Errorf("%s: %s", text, says)
		}
	}
}
