package report

import (
	"strings"

	"github.com/cniproof/cniproof/internal/judge"
)

// AxisEntry is how often one value of an axis was tried.
type AxisEntry struct {
	// Axis is via, family, protocol, placement or direction.
	Axis string `json:"axis"`
	// Value on the axis.
	Value string `json:"value"`
	// Scenarios with at least one flow of this value.
	Scenarios int `json:"scenarios"`
	// Flows of this value, summed over the scenarios.
	Flows int `json:"flows"`
}

func axisEntries(r *judge.Run) []AxisEntry {
	entries := []AxisEntry{}
	for _, c := range r.Axes {
		entries = append(entries, AxisEntry(c))
	}
	return entries
}

// axes says along which axes flows were tried, with the number of scenarios for each
// value that not all of them had.
func axes(r *judge.Run) string {
	tried := 0
	for _, c := range r.Axes {
		tried = max(tried, c.Scenarios)
	}
	var parts []string
	last := ""
	for _, c := range r.Axes {
		text := c.Value
		if c.Scenarios < tried {
			text += " (in " + plural(c.Scenarios, "scenario") + ")"
		}
		if c.Axis == last {
			parts[len(parts)-1] += ", " + text
			continue
		}
		parts, last = append(parts, c.Axis+" "+text), c.Axis
	}
	return strings.Join(parts, "; ")
}
