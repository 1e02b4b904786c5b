package report

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// commonTo says in which respects all wrong flows of a run are alike while the
// judged flows among which they were found are not; "" where there is nothing to
// say. It is often the diagnosis: all of them over one family, or by one protocol.
func commonTo(r *judge.Run) string { return common(wrongCells(r), judgedCells(r)) }

// commonIn is commonTo for one step.
func commonIn(sc *judge.Scenario, step *judge.Step) string {
	alone := *sc
	alone.Steps = []judge.Step{*step}
	return commonTo(&judge.Run{Scenarios: []judge.Scenario{alone}})
}

func common(wrong, judged iter.Seq[*judge.Cell]) string {
	n := 0
	for range wrong {
		n++
	}
	if n < 2 {
		return ""
	}
	var facts []string
	for _, a := range aspects() {
		if same(wrong, a) && !same(judged, a) {
			facts = append(facts, a.text(wrong))
		}
	}
	if len(facts) == 0 {
		return ""
	}
	return fmt.Sprintf("All %d wrong flows: %s.", n, strings.Join(facts, ", "))
}

// wrongCells are the mismatches of a run.
func wrongCells(r *judge.Run) iter.Seq[*judge.Cell] {
	return func(yield func(*judge.Cell) bool) {
		for i := range r.Scenarios {
			sc := &r.Scenarios[i]
			for n := range sc.Steps {
				if !mismatches(sc, &sc.Steps[n], yield) {
					return
				}
			}
		}
	}
}

// mismatches reports whether yield wants more.
func mismatches(sc *judge.Scenario, step *judge.Step, yield func(*judge.Cell) bool) bool {
	for k := range step.Cells {
		if classify(sc, step, step.Cells[k]) == mismatch && !yield(&step.Cells[k]) {
			return false
		}
	}
	return true
}

// judgedCells are the cells with an expected verdict, of the steps that have mismatches.
func judgedCells(r *judge.Run) iter.Seq[*judge.Cell] {
	return func(yield func(*judge.Cell) bool) {
		for i := range r.Scenarios {
			sc := &r.Scenarios[i]
			for n := range sc.Steps {
				step := &sc.Steps[n]
				clean := mismatches(sc, step, func(*judge.Cell) bool { return false })
				if !clean && !judgedIn(step, yield) {
					return
				}
			}
		}
	}
}

func judgedIn(step *judge.Step, yield func(*judge.Cell) bool) bool {
	for k := range step.Cells {
		if step.Cells[k].Expected != flow.Undefined && !yield(&step.Cells[k]) {
			return false
		}
	}
	return true
}

// aspect is a respect in which flows can be alike.
type aspect struct {
	of   func(*judge.Cell) any                    // comparable
	text func(wrong iter.Seq[*judge.Cell]) string // of cells that are alike in it
}

// by makes the text of one cell do for all that are alike.
func by(text func(*judge.Cell) string) func(iter.Seq[*judge.Cell]) string {
	return func(cells iter.Seq[*judge.Cell]) string {
		for c := range cells {
			return text(c)
		}
		return ""
	}
}

// versusEach names what was expected, and everything that was seen instead.
func versusEach(wrong iter.Seq[*judge.Cell]) string {
	var expected flow.Verdict
	var seen []string
	for c := range wrong {
		expected = c.Expected
		if text := instead(*c); !slices.Contains(seen, text) {
			seen = append(seen, text)
		}
	}
	return fmt.Sprintf("expected %s, %s", expected, strings.Join(seen, " or "))
}

func aspects() []aspect {
	return []aspect{
		{
			func(c *judge.Cell) any { return c.Expected },
			versusEach,
		}, {
			func(c *judge.Cell) any { return c.Flow.Family },
			by(func(c *judge.Cell) string { return "over " + c.Flow.Family.String() }),
		}, {
			func(c *judge.Cell) any { return c.Flow.Via },
			by(func(c *judge.Cell) string { return "via " + c.Flow.Via.String() }),
		}, {
			func(c *judge.Cell) any { return c.Flow.Protocol },
			by(func(c *judge.Cell) string { return c.Flow.Protocol.String() }),
		}, {
			func(c *judge.Cell) any { return c.Flow.Source },
			by(func(c *judge.Cell) string { return "from " + c.Flow.Source.String() }),
		}, {
			func(c *judge.Cell) any { return c.Flow.Destination },
			by(func(c *judge.Cell) string { return "to " + c.Flow.Destination.String() }),
		},
	}
}

// same reports whether all cells are alike in one respect.
func same(cells iter.Seq[*judge.Cell], a aspect) bool {
	var first any
	for c := range cells {
		switch v := a.of(c); first {
		case nil:
			first = v
		case v:
		default:
			return false
		}
	}
	return true
}
