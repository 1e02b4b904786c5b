package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/vigil"
)

// windows draws a report: l a leak, d a disruption, u something untold, 10 ms each.
func windows(word string) *vigil.Report {
	kinds := map[rune]vigil.Kind{'l': vigil.Leak, 'd': vigil.Disruption, 'u': vigil.Unclear}
	r := &vigil.Report{Allowed: 1, Denied: 1, End: start.Add(time.Second)}
	for n, k := range word {
		begin := start.Add(time.Duration(n) * 100 * ms)
		r.Windows = append(r.Windows, vigil.Window{Kind: kinds[k], Begin: begin, End: begin.Add(10 * ms)})
	}
	return r
}

// TestGuarded holds what a steady step came to, by its table and by its windows.
func TestGuarded(t *testing.T) {
	right, wrong, doubtful := []string{"CT", "CT", "CT"}, []string{"CC", "CC", "CC", "CC", "CC", "CC"}, []string{"CF", "CF", "CF", "CF"}
	for name, c := range map[string]struct {
		rounds  []string
		windows string
		want    judge.Result
		reason  string
	}{
		"nothing happened":                   {right, "", judge.Pass, ""},
		"a leak":                             {right, "l", judge.Fail, "1 leak, the first of"},
		"a disruption":                       {right, "d", judge.Fail, "1 disruption, the first of"},
		"both":                               {right, "ldl", judge.Fail, "2 leaks"},
		"something could not be told":        {right, "u", judge.Inconclusive, "1 stretch that could not be told"},
		"evidence outranks doubt":            {right, "ul", judge.Fail, "1 leak"},
		"evidence outranks a table in doubt": {doubtful, "l", judge.Fail, "1 leak"},
		"doubt does not make a wrong table better": {wrong, "u", judge.Fail, "flows wrong"},
		"a leak beside a wrong table":              {wrong, "l", judge.Fail, "; while it went on: 1 leak"},
	} {
		t.Run(name, func(t *testing.T) {
			line := drawn(c.rounds...)
			step := judge.Judge(goal("AD"), line)
			step.Guarded(line.Flows, windows(c.windows), start)
			if step.Result != c.want || !strings.Contains(step.Reason, c.reason) {
				t.Errorf("got %s (%s), want %s (%s)", step.Result, step.Reason, c.want, c.reason)
			}
			if step.Result != judge.Pass && len(step.Cells) != len(line.Flows) {
				t.Errorf("a step that did not pass has %d of %d cells", len(step.Cells), len(line.Flows))
			}
			if len(step.Vigil.Windows) != len(c.windows) {
				t.Errorf("%d windows, want %d", len(step.Vigil.Windows), len(c.windows))
			}
		})
	}
}

func TestNothingWatchedIsNoPass(t *testing.T) {
	line := drawn("CT", "CT", "CT")
	step := judge.Judge(goal("AD"), line)
	step.Guarded(line.Flows, &vigil.Report{End: start.Add(ms)}, start)
	if step.Result != judge.Inconclusive {
		t.Errorf("got %s (%s)", step.Result, step.Reason)
	}
}

func TestWindowsCountFromTheFirstAction(t *testing.T) {
	step := judge.Step{Result: judge.Pass}
	r := windows("l")
	r.Windows[0].Begin, r.Windows[0].End = start.Add(-5*ms), start.Add(20*ms)
	step.Guarded([]flow.Flow{}, r, start)
	if w := step.Vigil.Windows[0]; w.Begin != 0 || w.End != 20*ms || step.Vigil.Lasted != time.Second {
		t.Errorf("got %+v", step.Vigil)
	}
}
