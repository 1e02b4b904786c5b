// Package promise knows what NetworkPolicy promises: the rows of docs/semantics.md, the
// scenarios that show each of them, and along which axes these are to be tried.
//
// It imports the scenario format only, and touches no cluster.
package promise

import (
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/scenario"
)

// Must is the level of the rows that every implementation is held to.
const Must = "must"

// Row is one row of docs/semantics.md.
type Row struct {
	Behaviour string // as the document has it
	Level     string // likewise
	// Scenarios are those of the library that show the behaviour; of a row that is to be
	// judged there is at least one.
	Scenarios []string
	// ByName are those of them whose flows go by DNS name as well, by default.
	ByName []string
	// Mirrored are those of them whose mirror runs as well, by default.
	Mirrored []string
	// Apart says why the default run has none of the scenarios; "" where it has.
	Apart string
	// Without are the values of axes that the row is not to be tried along.
	Without []Gap
}

// Gap is a value of an axis that makes no sense for a row, and why it does not.
type Gap struct{ Axis, Value, Why string }

// Value is one value of an axis, in the words of --axes.
type Value struct{ Axis, Value string }

// Values are all that there are, in the order of scenario.AxisValues.
func Values() []Value {
	var list []Value
	for _, known := range scenario.AxisValues() {
		axis, values, _ := strings.Cut(known, "=")
		for value := range strings.SplitSeq(values, ",") {
			list = append(list, Value{axis, value})
		}
	}
	return list
}

// Why says why the row is not to be tried along a value; "" where it is.
func (r Row) Why(v Value) string {
	if r.Apart != "" {
		return r.Apart
	}
	for _, gap := range r.Without {
		if gap.Axis == v.Axis && gap.Value == v.Value {
			return gap.Why
		}
	}
	return ""
}

// Has reports whether the row's behaviour is shown by the scenario, or by the mirror, of
// this name.
func (r Row) Has(name string) bool {
	written, mirrored := strings.CutSuffix(name, scenario.MirrorSuffix)
	return slices.Contains(r.Scenarios, name) || mirrored && slices.Contains(r.Mirrored, written)
}

// ByName reports whether flows of the scenario go by DNS name as well, by default.
func ByName(rows []Row, name string) bool {
	return slices.ContainsFunc(rows, func(r Row) bool { return slices.Contains(r.ByName, name) })
}

// Mirrors are the mirrors that run by default, of a list of scenarios and in its order.
func Mirrors(rows []Row, list []*scenario.Scenario) []*scenario.Scenario {
	var mirrors []*scenario.Scenario
	for _, s := range list {
		if !slices.ContainsFunc(rows, func(r Row) bool { return slices.Contains(r.Mirrored, s.Name) }) {
			continue
		}
		if mirror, why := s.Mirror(); why == "" {
			mirrors = append(mirrors, mirror)
		}
	}
	return mirrors
}
