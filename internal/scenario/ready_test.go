package scenario

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/flow"
)

// unready is a sound scenario in which pods become unready and ready again.
func unready() string {
	text, _, _ := strings.Cut(lives, "  - name: complete\n")
	text = strings.Replace(text, "  topology:\n", "  topology:\n    direct: true\n", 1)
	return text + `  - name: two of them
    ready: {x/job: false, y/heir: false}
    expect: *expect
  - name: one again, the other anew
    ready: {x/job: true}
    recreate: [y/heir]
    steady: true
    expect: *expect
  - name: to and fro
    acts:
    - {ready: {y/heir: false}}
    - {ready: {y/heir: true}}
    times: 2
    expect: *expect
`
}

func TestReady(t *testing.T) {
	s, problems := loadText(t, unready())
	if problems != nil {
		t.Fatal(problems)
	}
	job, heir := flow.Pod("x", "job"), flow.Pod("y", "heir")
	if !slices.Equal(s.Topology.Gated, []flow.Endpoint{job, heir}) || !slices.Equal(Needs(s), []string{"pod-readiness", "two-nodes"}) {
		t.Errorf("pods with a gate %v, needs %v", s.Topology.Gated, Needs(s))
	}
	if diff := cmp.Diff([]Readiness{{job, false}, {heir, false}}, s.Steps[1].Acts[0].Ready); diff != "" {
		t.Errorf("readiness, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([][]Deed{{Create}, {Ready}, {Ready, Recreate}, {Ready}}, s.Deeds()); diff != "" {
		t.Errorf("deeds, -want +got:\n%s", diff)
	}
	if s.Steps[1].Source != "ready: {x/job: false, y/heir: false}" {
		t.Errorf("the step's source is %q", s.Steps[1].Source)
	}
	var now []flow.Endpoint
	for i, want := range [][]flow.Endpoint{nil, {job, heir}, nil, nil} {
		if now = s.Steps[i].Unready(now); !slices.Equal(now, want) {
			t.Errorf("after step %d these are not ready: %v, want %v", i+1, now, want)
		}
	}
	f := flow.Flow{Source: heir, Destination: job, Protocol: flow.TCP, Port: 80, Via: flow.PodIP, Family: flow.IPv4}
	if got := s.Steps[1].Expect.Verdict(f); got != flow.Deny {
		t.Errorf("the flow to an unready pod is %s", got)
	}
}

func TestEveryRuleOfReadinessFires(t *testing.T) {
	const first, second = "ready: {x/job: false, y/heir: false}", "ready: {x/job: true}\n    recreate: [y/heir]"
	for _, test := range []struct{ name, old, replacement, field, message string }{
		{"a missing pod", first, "ready: {x/job: false, y/hair: false}", "spec.steps[1].ready[y/hair]", `did you mean "y/heir"?`},
		{"a namespace", first, "ready: {x/job: false, y: false}", "spec.steps[1].ready[y]", "must be NAMESPACE/POD"},
		{"no answer", first, "ready: {x/job: false, y/heir: maybe}", "spec.steps[1].ready[y/heir]", "must be true or false"},
		{"nothing new", first, "ready: {x/job: false, x/far: true}", "spec.steps[1].ready[x/far]", `pod "x/far" is ready already`},
		{"nothing new the second time", "    times: 2", "    - {ready: {y/heir: false}}\n    times: 2", "spec.steps[3].times", `the second time pod "y/heir" is not ready already`},
		{"with Services", "    direct: true\n", "", "spec.steps[1].ready", "write direct: true"},
		{"twice", second, "ready: {x/job: false}", "spec.steps[2].ready[x/job]", "is not ready already"},
		{"recreated as well", second, "ready: {x/job: true}\n    recreate: [x/job]", "spec.steps[2].ready[x/job]", "a new pod is ready"},
		{"beside a debut", second, "ready: {x/job: true}\n    eager: {y/heir: init}", "spec.steps[2].eager", "must stand alone"},
		{"after it has completed", second, "complete: [y/heir]", "spec.steps[3].acts[0].ready[y/heir]", "has completed"},
		{"while it terminates", second, "terminate: [y/heir]", "spec.steps[3].acts[0].ready[y/heir]", "terminates"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sound := unready()
			if !strings.Contains(sound, test.old) {
				t.Fatalf("the sound scenario does not contain %q", test.old)
			}
			_, problems := loadText(t, strings.Replace(sound, test.old, test.replacement, 1))
			if !slices.ContainsFunc(problems, func(p Problem) bool {
				return p.Field == test.field && strings.Contains(p.Message, test.message)
			}) {
				t.Errorf("want a problem %s: %s; got\n%v", test.field, test.message, problems)
			}
		})
	}
}
