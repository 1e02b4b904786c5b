package oracle

import (
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

const (
	byLabel = `
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: NAME, namespace: x}
      spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [PEER]}]}
`
	bPeer = `{podSelector: {matchLabels: {pod: b}}}`
	cPeer = `{namespaceSelector: {matchLabels: {env: y}}}`
	letIn = `
    expect: {default: allow, flows: [{deny: "* -> x/a"}, {allow: "x/b -> x/a"}]}
`
)

func written(name, peer string) string {
	return strings.NewReplacer("NAME", name, "PEER", peer).Replace(byLabel)
}

func inAct(text string) string {
	text = strings.ReplaceAll(text, "\n      ", "\n        ")
	return strings.Replace(text, "\n    - ", "\n    - apply:\n      - ", 1)
}

// TestSteady is about which flows a step must not disturb: those whose verdict is the
// same before it, after it and in everything that a plugin may see meanwhile.
func TestSteady(t *testing.T) {
	first := "\n  - name: before\n    apply:" + written("one", bPeer) + letIn
	for name, c := range map[string]struct {
		step string
		want string // of x/b -> x/a and y/c -> x/a
	}{
		"the same again":              {"apply:" + written("one", bPeer), "allow deny"},
		"swapped, the new one first":  {"acts:" + inAct(written("two", bPeer)) + "    - delete: [networkpolicy/x/one]", "allow deny"},
		"swapped, the old one first":  {"acts:\n    - delete: [networkpolicy/x/one]" + inAct(written("two", bPeer)), "allow undefined"},
		"to and fro":                  {"acts:" + inAct(written("one", cPeer)) + inAct(written("one", bPeer)), "undefined undefined"},
		"another label":               {"label: {x/b: {other: c}}", "allow deny"},
		"a pod is made anew":          {"recreate: [x/b]", "undefined deny"},
		"a restart":                   {"restart: true", "allow deny"},
		"its source terminates":       {"terminate: [x/b]", "undefined deny"},
		"its destination terminates":  {"terminate: [x/a]", "undefined deny"},
		"policy and label, one first": {"acts:\n    - label: {x/b: {pod: z}}" + inAct(written("one", `{podSelector: {matchLabels: {pod: z}}}`)), "undefined deny"},
		// Policies and pods are watched apart: the label may be seen before the policy.
		"seen in another order": {"acts:" + inAct(written("one", `{podSelector: {}}`)) + "    - label: {x/b: {pod: z}}" + inAct(written("one", `{podSelector: {matchLabels: {pod: z}}}`)), "undefined deny"},
	} {
		t.Run(name, func(t *testing.T) {
			s := load(t, first+"\n  - name: during\n    "+c.step+letIn, "[ingress, pod-selector, two-nodes]", "[ingress, pod-selector, two-nodes"+feature(c.step)+"]", "  topology:\n", "  topology:\n    direct: true\n")
			b := scenario.Symbolic(s.Topology)
			play := NewPlay(s)
			_, err := play.Next(b, b)
			check(t, err)
			flows := []flow.Flow{parseFlow(t, "x/b -> x/a:80/TCP"), parseFlow(t, "y/c -> x/a:80/TCP")}
			got, err := play.Steady(b, flows)
			check(t, err)
			if words := got[0].String() + " " + got[1].String(); words != c.want {
				t.Errorf("got %s, want %s", words, c.want)
			}
			if _, err := play.Next(b, b); err != nil {
				t.Errorf("to ask took the step: %v", err)
			}
			if _, err := play.Steady(b, flows); err == nil {
				t.Error("there is a step after the last")
			}
		})
	}
}

func feature(step string) string {
	for word, feature := range map[string]string{"namespaceSelector": ", namespace-selector", "restart": ", restart"} {
		if strings.Contains(step, word) {
			return feature
		}
	}
	return ""
}

// TestSteadyNeedsBoth: where no flow stays denied, or none allowed, nothing is watched.
func TestSteadyNeedsBoth(t *testing.T) {
	s := load(t, `
  - name: everything denied
    steady: true
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: shut, namespace: x}
      spec: {podSelector: {}}
    expect: {default: allow, flows: [{deny: "* -> x/*"}]}
`, ", pod-selector", "")
	var found []string
	for _, d := range Check(s, scenario.Symbolic(s.Topology), scenario.AllAxes()) {
		found = append(found, d.String())
	}
	want := `step "everything denied": the step is steady, but no flow is expected to be denied before it, all through it and after it`
	if strings.Join(found, "\n") != want {
		t.Errorf("got %q, want %q", found, want)
	}
}
