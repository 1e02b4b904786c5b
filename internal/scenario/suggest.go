package scenario

import (
	"fmt"
	"slices"
	"strings"
)

// suggestion ends a message about an unknown name: with the known name that is
// nearest to it, else with all known names where they are few.
func suggestion(name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return "there is none"
	}
	if len(known) > 12 {
		return "nothing here has a similar name"
	}
	known = slices.Sorted(slices.Values(known))
	return "known are " + strings.Join(known, ", ")
}

// nearest is the known name with the fewest edits, else one that begins alike, ""
// where none is near.
func nearest(name string, known []string) string {
	best, fewest := "", len(name)
	for _, candidate := range known {
		n := edits(strings.ToLower(name), strings.ToLower(candidate))
		if n < fewest && isSlip(n, name) {
			best, fewest = candidate, n
		}
	}
	if best != "" {
		return best
	}
	i := slices.IndexFunc(known, func(candidate string) bool {
		return min(len(name), len(candidate)) >= 4 && (strings.HasPrefix(candidate, name) || strings.HasPrefix(name, candidate))
	})
	if i < 0 {
		return ""
	}
	return known[i]
}

// isSlip reports whether so many edits may be a slip of the pen. Short names differ
// by one letter on purpose.
func isSlip(edits int, name string) bool {
	switch edits {
	case 0:
		return true
	case 1:
		return len(name) >= 4
	default:
		return edits*2 < len(name) && edits <= 4
	}
}

// edits is the Levenshtein distance in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
