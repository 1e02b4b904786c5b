package scenario

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/scenarios"
)

const acting = `apiVersion: cniproof.dev/v1alpha1
kind: Scenario
metadata: {name: acting}
spec:
  summary: Steps that act in every way.
  level: must
  features: [ingress]
  topology: standard
  steps:
  - name: no policy
    expect: {default: allow}
  - apply: # first in its step
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: deny, namespace: x}

      # an empty line and a comment stay
      spec:
        podSelector: {}
        policyTypes: [Ingress]
    name: deny

    # this one belongs to what follows
    label:
      x/a: {role: db}
    expect:
      default: allow
      flows: [{deny: "* -> x/*"}]
  - name: change
    expect:
      default: allow
      flows: [{deny: "* -> x/*"}]
    apply:
      - apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: deny, namespace: x}
        spec: {podSelector: {}, ingress: []}
  - {name: gone, delete: [networkpolicy/x/deny], expect: {default: allow}}
`

func TestSourceIsWhatTheAuthorWrote(t *testing.T) {
	list, err := Load(fstest.MapFS{"acting.yaml": {Data: []byte(acting)}}, "acting.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"",
		`apply: # first in its step
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata: {name: deny, namespace: x}

  # an empty line and a comment stay
  spec:
    podSelector: {}
    policyTypes: [Ingress]
label:
  x/a: {role: db}`,
		`apply:
  - apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: deny, namespace: x}
    spec: {podSelector: {}, ingress: []}`,
		`delete: [networkpolicy/x/deny]`,
	}
	for i, step := range list[0].Steps {
		if diff := cmp.Diff(want[i], step.Source); diff != "" {
			t.Errorf("step %q (-want +got):\n%s", step.Name, diff)
		}
	}
	deeds := [][]Deed{nil, {Create, Label}, {Update}, {Delete}}
	if diff := cmp.Diff(deeds, list[0].Deeds()); diff != "" {
		t.Errorf("deeds (-want +got):\n%s", diff)
	}
}

// TestSourcesOfTheLibrary finds a source for every step that acts, and for no other.
func TestSourcesOfTheLibrary(t *testing.T) {
	list, err := Load(scenarios.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		deeds := s.Deeds()
		for i, step := range s.Steps {
			if acts := len(step.Acts) > 0; (step.Source != "") != acts || (len(deeds[i]) > 0) != acts {
				t.Errorf("%s: step %q acts: %v; source %q, deeds %v", s.Name, step.Name, acts, step.Source, deeds[i])
			}
		}
	}
}
