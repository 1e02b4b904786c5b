package report

import (
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// class is what a cell means for its scenario. It is the one place that decides
// under which heading a cell is reported, in every format.
type class uint8

const (
	asExpected class = iota
	mismatch
	doubtful
	record
)

// classify keeps a wrong cell from counting as evidence where the level is not
// scored, and where a control already showed that nothing could be told.
func classify(s *judge.Scenario, step *judge.Step, c judge.Cell) class {
	doubt := s.Result == judge.Inconclusive || step.Result == judge.Inconclusive
	switch {
	case c.Expected == flow.Undefined && len(c.Outcomes) == 0:
		return asExpected // it was not there to be tried
	case c.Expected == flow.Undefined:
		return record
	case c.Unclear():
		return doubtful
	case !c.Wrong():
		return asExpected
	case !s.Level.Scored():
		return record
	case doubt:
		return doubtful
	}
	return mismatch
}

// unsettled are the flows of a failed step that neither ended wrong nor flapped, but
// were seen wrong before: they never came to rest. Without them such a step would
// fail without evidence.
func unsettled(s *judge.Scenario, step *judge.Step) []judge.Cell {
	if step.Result != judge.Fail || len(step.Flaps) > 0 || !s.Level.Scored() {
		return nil
	}
	var cells []judge.Cell
	for _, c := range step.Cells {
		switch {
		case classify(s, step, c) == mismatch:
			return nil
		case c.Expected != flow.Undefined && contradicted(c):
			cells = append(cells, c)
		}
	}
	return cells
}

// contradicted reports whether a sample of the cell was evidence for the other verdict.
func contradicted(c judge.Cell) bool {
	for o, n := range c.Outcomes {
		v := flow.Sample{Outcome: o}.Verdict()
		if n > 0 && v != flow.Unknown && v != c.Expected {
			return true
		}
	}
	return false
}

// cellsOf are the cells of a step that belong to a class, in the step's order.
func cellsOf(s *judge.Scenario, step *judge.Step, want class) []judge.Cell {
	var cells []judge.Cell
	for _, c := range step.Cells {
		if classify(s, step, c) == want {
			cells = append(cells, c)
		}
	}
	return cells
}
