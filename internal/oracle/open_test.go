package oracle

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// letAIn is a policy that isolates pods with a label, and admits x/a.
func letAIn(name, namespace, pod string) string {
	return fmt.Sprintf("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: %s, namespace: %s}, "+
		"spec: {podSelector: {matchLabels: {pod: %s}}, ingress: [{from: [{podSelector: {matchLabels: {pod: a}}}]}]}}", name, namespace, pod)
}

// TestOpenConnections follows connections that a step opens: what is done about one of
// their ends settles them no more, for good, and what is done about others does not.
func TestOpenConnections(t *testing.T) {
	const about = "x/a -> x/b:80/TCP"
	for name, c := range map[string]struct {
		act  string
		want flow.Verdict
	}{
		"nothing":                     {"", flow.Allow},
		"a restart":                   {"restart: true", flow.Allow},
		"another's label":             {"label: {y/c: {pod: d}}", flow.Allow},
		"another namespace":           {"label: {y: {ns: z}}", flow.Allow},
		"another pod":                 {"recreate: [y/c]", flow.Allow},
		"a policy of another":         {"apply: [" + letAIn("other", "y", "c") + "]", flow.Allow},
		"a policy of nobody":          {"apply: [" + letAIn("other", "x", "nobody") + "]", flow.Allow},
		"the source's label":          {"label: {x/a: {more: label}}", flow.Undefined},
		"the destination's label":     {"label: {x/b: {more: label}}", flow.Undefined},
		"its namespace":               {"label: {x: {more: label}}", flow.Undefined},
		"a pod of it":                 {"recreate: [x/b]", flow.Undefined},
		"a policy of the source":      {"apply: [" + letAIn("other", "x", "a") + "]", flow.Undefined},
		"a policy of the destination": {"apply: [" + letAIn("other", "x", "b") + "]", flow.Undefined},
		"its policy deleted":          {"delete: [networkpolicy/x/open]", flow.Undefined},
		"its policy, of others now":   {"apply: [" + letAIn("open", "x", "nobody") + "]", flow.Undefined},
	} {
		t.Run(name, func(t *testing.T) {
			act, features := "\n    "+c.act, "ingress, pod-selector, two-nodes"
			if strings.HasPrefix(c.act, "restart") {
				features += ", restart"
			}
			s := load(t, `
  - name: before
    apply: [`+letAIn("open", "x", "b")+`]
    expect: {default: allow, flows: [{deny: "y/c -> x/b"}]}
  - name: opened
    open: true
    expect: {default: allow}
  - name: acted`+act+`
    expect: {default: allow}
  - name: later
    expect: {default: allow}
  - name: opened again
    open: true
    expect: {default: allow}
`, "  topology:\n", "  topology:\n    established: true\n", "ingress, pod-selector, two-nodes", features)
			b, play := scenario.Symbolic(s.Topology), NewPlay(s)
			f := parseFlow(t, about)
			f.Via = flow.Established
			for i, want := range []flow.Verdict{flow.Undefined, flow.Allow, c.want, c.want, flow.Allow} {
				w, err := play.Next(b, b)
				check(t, err)
				if got := w.Expect(f); got != want {
					t.Errorf("step %q: got %s, want %s", s.Steps[i].Name, got, want)
				}
				if got := w.Explain(f).Verdict; got != want {
					t.Errorf("step %q is explained as %s, want %s", s.Steps[i].Name, got, want)
				}
			}
		})
	}
}
