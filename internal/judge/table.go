package judge

import "github.com/cniproof/cniproof/internal/flow"

// Table is the complete table at the end of a step: its Cells, and of a step that
// passed every other flow as it was expected. Of the latter only the verdicts are known.
func (s *Scenario) Table(step *Step) []Cell {
	if step.Result != Pass || len(step.Expected) != len(s.Flows) {
		return step.Cells
	}
	kept := make(map[flow.Flow]Cell, len(step.Cells))
	for _, c := range step.Cells {
		kept[c.Flow] = c
	}
	cells := make([]Cell, len(s.Flows))
	for i, f := range s.Flows {
		c, ok := kept[f]
		if !ok {
			c = Cell{Flow: f, Expected: step.Expected[i], Observed: step.Expected[i]}
		}
		cells[i] = c
	}
	return cells
}
