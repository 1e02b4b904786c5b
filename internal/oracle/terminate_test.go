package oracle

import (
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// TestTerminating follows a pod that is being deleted: it is denied what it was, and what
// a label or policy of later denies; what it is allowed is not settled.
func TestTerminating(t *testing.T) {
	s := load(t, `
  - name: b is admitted`+letBIn+`
    expect: {default: allow, flows: [{deny: "* -> x/a"}, {allow: "x/b -> x/a"}]}
  - name: a terminates
    terminate: [x/a]
    expect: {default: allow, flows: [{deny: "* -> x/a"}, {allow: "x/b -> x/a"}]}
  - name: b is somebody else
    label: {x/b: {pod: z}}
    expect: {default: allow, flows: [{deny: "* -> x/a"}]}
  - name: c terminates as well, and a is free
    delete: [networkpolicy/x/let-b-in]
    terminate: [y/c]
    expect: {default: allow}
`, "  topology:\n", "  topology:\n    direct: true\n")
	b := scenario.Symbolic(s.Topology)
	if found := Check(s, b, scenario.AllAxes()); len(found) > 0 {
		t.Fatal(found)
	}
	play := NewPlay(s)
	for i, want := range []string{"allow deny allow", "undefined deny undefined", "deny deny undefined", "undefined undefined undefined"} {
		w, err := play.Next(b, b)
		check(t, err)
		var got []string
		for _, text := range []string{"x/b -> x/a:80/TCP", "y/c -> x/a:80/TCP", "x/a -> x/b:80/TCP"} {
			f := parseFlow(t, text)
			got = append(got, w.Expect(f).String())
			e := w.Explain(f)
			if e.Verdict != w.Expect(f) || (e.Verdict == flow.Undefined) != strings.Contains(e.Short(), "promised") {
				t.Errorf("step %d, %s: Expect says %s, Explain %s", i+1, text, w.Expect(f), e)
			}
		}
		if words := strings.Join(got, " "); words != want {
			t.Errorf("step %d: got %s, want %s", i+1, words, want)
		}
	}
}
