package scenario

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/flow"
)

// lives is a sound scenario in which pods come and go.
const lives = `apiVersion: cniproof.dev/v1alpha1
kind: Scenario
metadata:
  name: base
spec:
  summary: The heir is not the job.
  level: must
  features: [ingress]
  topology:
    namespaces:
      x: {}
      y: {}
    pods:
      x/job:  {node: 1, ports: [80/TCP]}
      x/far:  {node: 2, ports: [80/TCP]}
      y/heir: {node: 1, ports: [80/TCP]}
  steps:
  - name: closed
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: far, namespace: x}
      spec: {podSelector: {}}
    expect: &expect
      default: allow
      flows:
      - deny: "* -> x/*"
  - name: complete
    complete: [x/job]
    expect: *expect
  - name: reuse
    reuse: {y/heir: x/job}
    expect: *expect
  - name: late
    delete: [pod/x/job]
    expect: *expect
`

func TestLives(t *testing.T) {
	s, problems := loadText(t, lives)
	if problems != nil {
		t.Fatal(problems)
	}
	job, heir := flow.Pod("x", "job"), flow.Pod("y", "heir")
	if diff := cmp.Diff([]flow.Endpoint{job}, s.Topology.Completing); diff != "" {
		t.Errorf("completing pods, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]Heir{{Pod: heir, Of: job}}, s.Steps[2].Acts[0].Reuse); diff != "" {
		t.Errorf("reuse, -want +got:\n%s", diff)
	}
	if !slices.Equal(s.Steps[3].Acts[0].Remove, []flow.Endpoint{job}) || !slices.Equal(s.Steps[2].Recreated(), []flow.Endpoint{heir}) {
		t.Errorf("removed %v, anew %v", s.Steps[3].Acts[0].Remove, s.Steps[2].Recreated())
	}
	f := flow.Flow{Source: heir, Destination: job, Protocol: flow.TCP, Port: 80, Via: flow.PodIP, Family: flow.IPv4}
	for i, want := range []flow.Verdict{flow.Deny, flow.Undefined, flow.Undefined, flow.Undefined} {
		if got := s.Steps[i].Expect.Verdict(f); got != want {
			t.Errorf("step %d expects %s of %s, want %s", i+1, got, f, want)
		}
	}
	if !s.Disturbs() {
		t.Error("a scenario that waits for an address does not run alone")
	}
	if diff := cmp.Diff([][]Deed{{Create}, {Complete}, {Reuse}, {Remove}}, s.Deeds()); diff != "" {
		t.Errorf("deeds, -want +got:\n%s", diff)
	}
}

func TestEveryRuleOfLivesFires(t *testing.T) {
	for _, test := range []struct{ name, old, replacement, field, message string }{
		{"completing a missing pod", "complete: [x/job]", "complete: [x/job, x/jobs]", "spec.steps[1].complete[1]", `did you mean "x/job"?`},
		{"completing no pod", "complete: [x/job]", "complete: [x/job, y]", "spec.steps[1].complete[1]", "must be NAMESPACE/POD"},
		{"completing twice", "complete: [x/job]", "complete: [x/job, x/job]", "spec.steps[1].complete[1]", "listed twice"},
		{"completing again", "reuse: {y/heir: x/job}", "reuse: {y/heir: x/job}\n    complete: [x/job]", "spec.steps[2].complete[0]", "has completed"},
		{"recreating what completed", "reuse: {y/heir: x/job}", "reuse: {y/heir: x/job}\n    recreate: [x/job]", "spec.steps[2].recreate[0]", "has completed"},
		{"labelling what completed", "reuse: {y/heir: x/job}", "reuse: {y/heir: x/job}\n    label: {x/job: {a: b}}", "spec.steps[2].label[x/job]", "has completed"},
		{"heir of a pod that runs", "{y/heir: x/job}", "{y/heir: x/far}", "spec.steps[2].reuse[y/heir]", `pod "x/far" has not completed`},
		{"heir on another node", "y/heir: {node: 1", "y/heir: {node: 2", "spec.steps[2].reuse[y/heir]", "addresses stay on their node"},
		{"heir recreated", "reuse: {y/heir: x/job}", "reuse: {y/heir: x/job}\n    recreate: [y/heir]", "spec.steps[2].reuse[y/heir]", "recreated in this step already"},
		{"missing heir", "{y/heir: x/job}", "{y/hair: x/job}", "spec.steps[2].reuse[y/hair]", `did you mean "y/heir"?`},
		{"heir of itself", "{y/heir: x/job}", "{x/job: x/job}", "spec.steps[2].reuse[x/job]", "has completed"},
		{"deleting a pod that runs", "[pod/x/job]", "[pod/y/heir]", "spec.steps[3].delete[0]", "to replace a pod that runs, write recreate"},
		{"deleting twice", "[pod/x/job]", "[pod/x/job, pod/x/job]", "spec.steps[3].delete[1]", "is not the object of a pod that completed"},
		{"bad deletion", "[pod/x/job]", "[job/x/job]", "spec.steps[3].delete[0]", "or pod/NAMESPACE/NAME of a completed pod"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(lives, test.old) {
				t.Fatalf("the sound scenario does not contain %q", test.old)
			}
			_, problems := loadText(t, strings.Replace(lives, test.old, test.replacement, 1))
			if len(problems) != 1 || problems[0].Field != test.field || !strings.Contains(problems[0].Message, test.message) {
				t.Errorf("want one problem, %s: %s; got\n%v", test.field, test.message, problems)
			}
		})
	}
}

// TestEager reads a step that starts a pod which dials from its first instant.
func TestEager(t *testing.T) {
	const sound = "eager: {y/heir: container}"
	eager := strings.Replace(lives, "reuse: {y/heir: x/job}", sound, 1)
	s, problems := loadText(t, eager)
	if problems != nil {
		t.Fatal(problems)
	}
	heir := flow.Pod("y", "heir")
	if !slices.Equal(s.Steps[2].Debuts(), []Debut{{Pod: heir}}) || !slices.Equal(s.Steps[2].Recreated(), []flow.Endpoint{heir}) {
		t.Errorf("got %+v", s.Steps[2])
	}
	for _, test := range []struct{ replacement, field, message string }{
		{"eager: {y/heir: main}", "spec.steps[2].eager[y/heir]", `"main" must be container or init`},
		{"eager: {y/hair: init}", "spec.steps[2].eager[y/hair]", `did you mean "y/heir"?`},
		{"eager: {y: init}", "spec.steps[2].eager[y]", "must be NAMESPACE/POD"},
		{"eager: {x/job: init}", "spec.steps[2].eager[x/job]", "has completed"},
		{"eager: {y/heir: init}\n    recreate: [x/far]", "spec.steps[2].eager", "must stand alone"},
		{"eager: {y/heir: init}\n    label: {x/far: {a: b}}", "spec.steps[2].eager", "must stand alone"},
	} {
		_, problems := loadText(t, strings.Replace(eager, sound, test.replacement, 1))
		if len(problems) != 1 || problems[0].Field != test.field || !strings.Contains(problems[0].Message, test.message) {
			t.Errorf("%s: want one problem, %s: %s; got\n%v", test.replacement, test.field, test.message, problems)
		}
	}
	many := strings.Replace(eager, "x/far:  {node: 2, ports: [80/TCP]}", "x/far:  {node: 2, ports: [80/TCP, 81/TCP, 82/TCP, 83/TCP, 84/TCP, 85/TCP, 86/TCP, 87/TCP, 88/TCP, 89/TCP, 90/TCP, 91/TCP]}", 1)
	if _, problems := loadText(t, many); len(problems) != 1 || !strings.Contains(problems[0].Message, "would dial 52 flows") {
		t.Errorf("a pod of too many flows: got\n%v", problems)
	}
}

// TestRenew reads a step that replaces a namespace: its policies are gone.
func TestRenew(t *testing.T) {
	sound := strings.Replace(lives, "complete: [x/job]\n    expect: *expect\n  - name: reuse\n    reuse: {y/heir: x/job}\n    expect: *expect\n  - name: late\n    delete: [pod/x/job]\n    expect: *expect",
		"renew: {x: {labels: {a: b}}}\n    expect: {default: allow}", 1)
	s, problems := loadText(t, sound)
	if problems != nil {
		t.Fatal(problems)
	}
	want := []Renewal{{Namespace{"x", map[string]string{"a": "b"}}, []flow.Endpoint{flow.Pod("x", "far"), flow.Pod("x", "job")}}}
	if diff := cmp.Diff(want, s.Steps[1].Acts[0].Renew); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, test := range []struct{ replacement, field, message string }{
		{"renew: {z: {}}", "spec.steps[1].renew[z]", "not in the topology"},
		{"renew: {kube-system: {}}", "spec.steps[1].renew[kube-system]", "cannot be deleted"},
		{"renew: {x: {labels: {a: b c}}}", "spec.steps[1].renew[x].labels[a]", "a valid label"},
		{"renew: {x: {}}\n    delete: [networkpolicy/x/far]", "spec.steps[1].delete[0]", "does not exist at this step"},
		{"renew: {x: {}}\n    times: 2", "spec.steps[1].times", "happens once"},
		{"renew: {x: {}}\n    steady: true", "spec.steps[1].steady", "watched in other ways"},
	} {
		_, problems := loadText(t, strings.Replace(sound, "renew: {x: {labels: {a: b}}}", test.replacement, 1))
		if len(problems) != 1 || problems[0].Field != test.field || !strings.Contains(problems[0].Message, test.message) {
			t.Errorf("%s: want one problem, %s: %s; got\n%v", test.replacement, test.field, test.message, problems)
		}
	}
}
