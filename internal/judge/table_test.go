package judge_test

import (
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// TestTable holds the table of a step that passed, whose cells were dropped, against
// the flows that were watched; and that of one that failed against its cells.
func TestTable(t *testing.T) {
	for _, c := range []struct {
		rounds []string
		want   string
	}{
		{[]string{"CTC", "CTT", "CTC"}, "allow/allow deny/deny undefined/allow "},
		{[]string{"CCC", "CCT", "CCC", "CCC"}, "allow/allow deny/allow undefined/allow "},
	} {
		line := drawn(c.rounds...)
		step := judge.Judge(goal("ADU"), line)
		s := judge.Scenario{Flows: line.Flows, Steps: []judge.Step{step}}
		got := ""
		for i, cell := range s.Table(&s.Steps[0]) {
			if cell.Flow != line.Flows[i] {
				t.Errorf("cell %d is about %s", i, cell.Flow)
			}
			got += cell.Expected.String() + "/" + cell.Observed.String() + " "
		}
		if got != c.want {
			t.Errorf("%v: %s step has %s, want %s", c.rounds, step.Result, got, c.want)
		}
	}
	unknown := judge.Scenario{}
	if cells := unknown.Table(&judge.Step{Result: judge.Pass, Expected: []flow.Verdict{flow.Allow}}); len(cells) > 0 {
		t.Errorf("a scenario without flows has %v", cells)
	}
}
