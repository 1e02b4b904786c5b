package runner_test

import (
	"testing"
	"testing/fstest"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/scenario"
)

const keptStreams = `
apiVersion: cniproof.dev/v1alpha1
kind: Scenario
metadata: {name: kept-streams}
spec:
  summary: Streams are long, and connections are kept as well.
  level: must
  features: [ingress]
  topology:
    namespaces: {x: {}}
    pods:
      x/a: {node: 1, ports: [80/TCP]}
      x/b: {node: 1}
    stream: 60000
    established: true
  steps:
  - name: opened
    open: true
    expect: {default: allow, flows: [{allow: "* -> * via established"}]}
  - name: shut
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: shut, namespace: x}
      spec: {podSelector: {}, policyTypes: [Ingress]}
    expect: {default: deny}
`

// TestConnectionsAreKeptBesideStreams: what is greeted over a connection that stays open is
// short, however long the streams of others are.
func TestConnectionsAreKeptBesideStreams(t *testing.T) {
	list, err := scenario.Load(fstest.MapFS{"kept-streams.yaml": {Data: []byte(keptStreams)}}, "kept-streams.yaml")
	if err != nil {
		t.Fatal(err)
	}
	result := runOn(t, open(t), runner.Config{Scenarios: list, Parallel: 1})
	if result.Count(judge.Pass) != 1 {
		t.Errorf("it did not pass:\n%s", text(t, result))
	}
}
