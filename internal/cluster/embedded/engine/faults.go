package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Faults is the set of faults that an engine has. The zero value has none.
type Faults struct{ planted map[Fault]bool }

// Fault is the name of a planted fault, as --fault takes it.
type Fault string

// FaultInfo describes a fault.
type FaultInfo struct {
	Name     Fault
	Sentence string // what the faulty engine does
}

// Has reports whether the engine has the fault.
func (f Faults) Has(name Fault) bool { return f.planted[name] }

// Names lists the faults in alphabetical order.
func (f Faults) Names() []string {
	names := make([]string, 0, len(f.planted))
	for name := range f.planted {
		names = append(names, string(name))
	}
	slices.Sort(names)
	return names
}

// ParseFaults reads names of faults. Every unknown name is reported, each with the
// known names that look like it.
func ParseFaults(names []string) (Faults, error) {
	faults := Faults{planted: map[Fault]bool{}}
	var problems []error
	for _, name := range names {
		if !known(Fault(name)) {
			problems = append(problems, fmt.Errorf("unknown fault %q%s", name, suggestion(name)))
			continue
		}
		faults.planted[Fault(name)] = true
	}
	return faults, errors.Join(problems...)
}

func known(name Fault) bool {
	return slices.ContainsFunc(faultTable, func(f FaultInfo) bool { return f.Name == name })
}

// suggestion is `: did you mean "a" or "b"?`, or nothing when no name is near.
func suggestion(name string) string {
	var near []string
	for _, f := range faultTable {
		if isNear(name, string(f.Name)) {
			near = append(near, fmt.Sprintf("%q", f.Name))
		}
	}
	if len(near) == 0 {
		return ""
	}
	return ": did you mean " + strings.Join(near, " or ") + "?"
}

func isNear(name, known string) bool {
	if len(name) >= 4 && strings.Contains(known, name) {
		return true
	}
	return editDistance(name, known) <= max(1, len(known)/5)
}

// editDistance counts the letters to add, drop or change to make b of a.
func editDistance(a, b string) int {
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
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
