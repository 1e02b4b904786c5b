package scenario

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/flow"
)

// leaving is a sound scenario in which a pod terminates.
func leaving() string {
	text, _, _ := strings.Cut(lives, "  - name: complete\n")
	text = strings.Replace(text, "  topology:\n", "  topology:\n    direct: true\n", 1)
	return text + `  - name: leave
    terminate: [x/job]
    steady: true
    expect: *expect
  - name: late
    label: {x/job: {a: b}}
    expect: *expect
`
}

func TestTerminate(t *testing.T) {
	s, problems := loadText(t, leaving())
	if problems != nil {
		t.Fatal(problems)
	}
	job := flow.Pod("x", "job")
	if !slices.Equal(s.Topology.Terminating, []flow.Endpoint{job}) || !slices.Equal(s.Steps[1].Terminated(), []flow.Endpoint{job}) || len(s.Steps[1].Recreated()) > 0 {
		t.Errorf("terminating %v, in the step %v, anew %v", s.Topology.Terminating, s.Steps[1].Terminated(), s.Steps[1].Recreated())
	}
	if diff := cmp.Diff([][]Deed{{Create}, {Terminate}, {Label}}, s.Deeds()); diff != "" {
		t.Errorf("deeds, -want +got:\n%s", diff)
	}
	denied := flow.Flow{Source: flow.Pod("y", "heir"), Destination: job, Protocol: flow.TCP, Port: 80, Via: flow.PodIP, Family: flow.IPv4}
	allowed := denied
	allowed.Source, allowed.Destination = denied.Destination, denied.Source
	for i, want := range []flow.Verdict{flow.Allow, flow.Undefined, flow.Undefined} {
		if got := s.Steps[i].Expect.Verdict(allowed); got != want {
			t.Errorf("step %d expects %s of what the pod is allowed, want %s", i+1, got, want)
		}
		if got := s.Steps[i].Expect.Verdict(denied); got != flow.Deny {
			t.Errorf("step %d expects %s of what the pod is denied", i+1, got)
		}
	}
}

func TestEveryRuleOfTerminationFires(t *testing.T) {
	const act = "terminate: [x/job]\n    steady: true"
	for _, test := range []struct{ name, old, replacement, field, message string }{
		{"a missing pod", act, "terminate: [x/jobs]", "spec.steps[1].terminate[0]", `did you mean "x/job"?`},
		{"no pod", act, "terminate: [x]", "spec.steps[1].terminate[0]", "must be NAMESPACE/POD"},
		{"twice", act, "terminate: [x/job, x/job]", "spec.steps[1].terminate[1]", "listed twice"},
		{"several times", act, "terminate: [x/job]\n    times: 2", "spec.steps[1].times", "happens once"},
		{"recreated as well", act, "terminate: [x/job]\n    recreate: [x/job]", "spec.steps[1].terminate[0]", "recreated in this step already"},
		{"beside a debut", act, "terminate: [x/job]\n    eager: {y/heir: init}", "spec.steps[1].eager", "must stand alone"},
		{"with Services", "    direct: true\n", "", "spec.steps[1].terminate", "write direct: true"},
		{"again", "label: {x/job: {a: b}}", "terminate: [x/job]", "spec.steps[2].terminate[0]", "terminates"},
		{"recreated later", "label: {x/job: {a: b}}", "recreate: [x/job]", "spec.steps[2].recreate[0]", "terminates"},
		{"completed later", "label: {x/job: {a: b}}", "complete: [x/job]", "spec.steps[2].complete[0]", "terminates"},
		{"dialling later", "label: {x/job: {a: b}}", "eager: {x/job: init}", "spec.steps[2].eager[x/job]", "terminates"},
		{"its namespace renewed", "label: {x/job: {a: b}}", "renew: {x: {}}", "spec.steps[2].renew[x]", "would wait for its end"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sound := leaving()
			if !strings.Contains(sound, test.old) {
				t.Fatalf("the sound scenario does not contain %q", test.old)
			}
			_, problems := loadText(t, strings.Replace(sound, test.old, test.replacement, 1))
			if len(problems) != 1 || problems[0].Field != test.field || !strings.Contains(problems[0].Message, test.message) {
				t.Errorf("want one problem, %s: %s; got\n%v", test.field, test.message, problems)
			}
		})
	}
}
