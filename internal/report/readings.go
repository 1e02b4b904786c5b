package report

import (
	"fmt"
	"strings"

	"github.com/cniproof/cniproof/internal/judge"
)

// fewReadings is how many misreadings are named, unless everything is asked for.
const fewReadings = 3

// readings names what would explain a failed step.
func (s style) readings(step *judge.Step) []string {
	text := s.consistent(step)
	if text == "" {
		return nil
	}
	return s.each(s.bold, wrap("  ", text, s.width))
}

// consistent is what would explain a failed step in one sentence, or "". It never
// says that it is so.
func (s style) consistent(step *judge.Step) string {
	if len(step.Readings) == 0 {
		return ""
	}
	var says []string
	for _, r := range step.Readings {
		says = append(says, r.Says)
	}
	rest := ""
	if len(says) > fewReadings && !s.verbose {
		rest = fmt.Sprintf(", or %d more", len(says)-fewReadings)
		says = says[:fewReadings]
	}
	return "Consistent with " + plain(strings.Join(says, "; or with ")) + rest + "."
}

// readingOf names the misreading that would explain most of the failed scenarios, if
// it is several of them; the first of those that explain as many.
func readingOf(r *judge.Run) string {
	failed := 0
	var order []judge.Reading
	counts := map[string]int{}
	for i := range r.Scenarios {
		sc := &r.Scenarios[i]
		if sc.Result != judge.Fail {
			continue
		}
		failed++
		for _, reading := range readingsOf(sc) {
			if counts[reading.Name] == 0 {
				order = append(order, reading)
			}
			counts[reading.Name]++
		}
	}
	best := judge.Reading{}
	for _, reading := range order {
		if counts[reading.Name] > counts[best.Name] {
			best = reading
		}
	}
	if n := counts[best.Name]; n > 1 {
		return fmt.Sprintf("Consistent with %s: %d of %d failed scenarios.", best.Says, n, failed)
	}
	return ""
}

// readingsOf are those of the step that failed.
func readingsOf(sc *judge.Scenario) []judge.Reading {
	for _, step := range sc.Steps {
		if len(step.Readings) > 0 {
			return step.Readings
		}
	}
	return nil
}
