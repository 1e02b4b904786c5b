// Package spelling finds what somebody may have meant by a name that nobody knows.
// It is a leaf: it imports the standard library only.
package spelling

import (
	"fmt"
	"slices"
	"strings"
)

// Suggest ends a message about an unknown name: with the known names that are near
// it, else with all known names where they are few.
func Suggest(name string, known []string) string {
	if near := Near(name, known); len(near) > 0 {
		return "did you mean " + choice(near) + "?"
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

// choice is `"a"`, or `"a" or "b"`.
func choice(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(quoted, " or ")
}

// most is how many names are worth offering.
const most = 6

// Near is the known name with the fewest edits, else those that begin alike or
// contain the name, if there are only a few of them.
func Near(name string, known []string) []string {
	best, fewest := "", len(name)
	for _, candidate := range known {
		n := edits(strings.ToLower(name), strings.ToLower(candidate))
		if n < fewest && isSlip(n, name) {
			best, fewest = candidate, n
		}
	}
	if best != "" {
		return []string{best}
	}
	var alike []string
	for _, candidate := range known {
		if isAlike(name, candidate) {
			alike = append(alike, candidate)
		}
	}
	if len(alike) > most {
		return nil
	}
	return alike
}

func isAlike(name, candidate string) bool {
	return min(len(name), len(candidate)) >= 4 && (strings.Contains(candidate, name) || strings.HasPrefix(name, candidate))
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
