package strict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a file.
type Problem struct {
	File string
	Line int // counted from 1; 0 where the mistake is the file itself
	// Field is the path of the field, such as "spec.steps[1].expect.flows[0]"; ""
	// where the mistake is the document itself.
	Field   string
	Message string
}

// String is "file:line: field: message", without the parts that are missing.
func (p Problem) String() string {
	place := p.File
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	if p.Field == "" {
		return place + ": " + p.Message
	}
	return place + ": " + p.Field + ": " + p.Message
}

// Problems are all the mistakes of all the files that were read, sorted by file
// and line.
type Problems []Problem

// Error has one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Sorted orders by place and drops repetitions.
func (ps Problems) Sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return slices.Compact(ps)
}
