package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cniproof/cniproof/internal/spelling"
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
	known := make([]string, len(faultTable))
	for i, f := range faultTable {
		known[i] = string(f.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			problems = append(problems, fmt.Errorf("unknown fault %q: %s", name, spelling.Suggest(name, known)))
			continue
		}
		faults.planted[Fault(name)] = true
	}
	return faults, errors.Join(problems...)
}
