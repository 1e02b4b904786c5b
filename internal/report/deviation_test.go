package report

import (
	"slices"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// A deviation explains a failure only if a run has confirmed it and it is about every
// wrong flow; only then, and only where that is allowed, the exit code is a pass.
func TestDeviationExplains(t *testing.T) {
	db := func(f flow.Flow) bool { return f.Destination == pod("prod/db") }
	fromWeb := func(f flow.Flow) bool { return db(f) && f.Source == pod("staging/web") }
	name := []string{"and-in-one-peer"}
	tests := map[string]struct {
		d    Deviation
		want bool
	}{
		"all flows":        {Deviation{Scenarios: name, Confirmed: "x"}, true},
		"its flows":        {Deviation{Scenarios: name, Confirmed: "x", Explains: db}, true},
		"some of its":      {Deviation{Scenarios: name, Confirmed: "x", Explains: fromWeb}, false},
		"hearsay":          {Deviation{Scenarios: name, Explains: db}, false},
		"another scenario": {Deviation{Scenarios: []string{"other"}, Confirmed: "x"}, false},
	}
	for what, test := range tests {
		in := faulty()
		in.Deviations = []Deviation{test.d}
		if got := len(in.explained()) == 1; got != test.want {
			t.Errorf("%s: explained %t, want %t", what, got, test.want)
		}
		if code := in.ExitCode(); code != ExitFail {
			t.Errorf("%s: exit code %d although nobody allowed it", what, code)
		}
		in.AllowDeviations = true
		if pass := in.ExitCode() == ExitPass; pass != test.want {
			t.Errorf("%s: allowed, exit code %d", what, in.ExitCode())
		}
	}
}

// A flow that flapped is evidence too.
func TestDeviationAndFlaps(t *testing.T) {
	in := flapping()
	flap := in.Run.Scenarios[slices.IndexFunc(in.Run.Scenarios, func(s judge.Scenario) bool { return s.Result == judge.Fail })]
	for _, about := range []bool{true, false} {
		in.Deviations = []Deviation{{Scenarios: []string{flap.Name}, Confirmed: "x", Explains: func(flow.Flow) bool { return about }}}
		if got := in.deviation(&flap) != nil; got != about {
			t.Errorf("explained %t, want %t", got, about)
		}
	}
}

// What is not a wrong flow is never excused: no evidence, another failure, doubt.
func TestDeviationExcusesNothingElse(t *testing.T) {
	all := []Deviation{{Scenarios: []string{"a", "and-in-one-peer"}, Confirmed: "x"}}
	for what, change := range map[string]func(*judge.Run){
		"no evidence":     func(r *judge.Run) { r.Scenarios = append(r.Scenarios, scene("a", "", "", judge.Fail)) },
		"another failure": func(r *judge.Run) { r.Scenarios = append(r.Scenarios, scene("b", "", "", judge.Fail)) },
		"doubt":           func(r *judge.Run) { r.Scenarios = append(r.Scenarios, scene("a", "", "", judge.Inconclusive)) },
		"preflight":       func(r *judge.Run) { r.Preflight.Result = judge.Fail },
		"interrupted":     func(r *judge.Run) { r.Interrupted = true },
	} {
		in := faulty()
		in.Deviations, in.AllowDeviations = all, true
		if in.ExitCode() != ExitPass {
			t.Fatal("the sample is not excused as it is")
		}
		change(in.Run)
		if in.ExitCode() == ExitPass {
			t.Errorf("%s: excused", what)
		}
	}
	if (Input{AllowDeviations: true}).ExitCode() != ExitInconclusive {
		t.Error("no run at all is a pass")
	}
}

func TestOccurrences(t *testing.T) {
	got := deviating(false).occurrences()
	if len(got) != 2 || !slices.Equal(got[0].seen, []string{"and-in-one-peer"}) || len(got[0].gone) > 0 ||
		!slices.Equal(got[1].gone, []string{"policies-add-up"}) || len(got[1].seen) > 0 {
		t.Errorf("%+v", got)
	}
}
