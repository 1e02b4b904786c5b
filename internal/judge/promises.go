package judge

import (
	"slices"

	"github.com/cniproof/cniproof/internal/promise"
)

// Promise is what a run tried of one behaviour that every implementation is held to.
type Promise struct {
	Behaviour string
	// Scenarios that show it and were judged, whatever they came to.
	Scenarios []string
	// Apart says why a run has them only where they are asked for; "" where it does not.
	Apart string
	// Along are the values of all axes that the cluster has.
	Along []Tried
}

// Tried is how often a behaviour was tried along one value of an axis.
type Tried struct {
	Axis, Value string
	Scenarios   int    // in which a flow of this value was to be denied
	Without     string // why it need not be tried; "" where it has to be
}

// Missing are the values along which the behaviour had to be tried and was not.
func (p Promise) Missing() []Tried {
	return slices.DeleteFunc(slices.Clone(p.Along), func(t Tried) bool { return t.Scenarios > 0 || t.Without != "" })
}

// Promises counts what the scenarios tried of the rows that every implementation is held
// to, along the values that the cluster has.
func Promises(rows []promise.Row, has []promise.Value, list []Scenario) []Promise {
	var promises []Promise
	for _, row := range rows {
		if row.Level == promise.Must {
			promises = append(promises, newPromise(row, has, list))
		}
	}
	return promises
}

func newPromise(row promise.Row, has []promise.Value, list []Scenario) Promise {
	p := Promise{Behaviour: row.Behaviour, Apart: row.Apart}
	for _, v := range has {
		p.Along = append(p.Along, Tried{Axis: v.Axis, Value: v.Value, Without: row.Why(v)})
	}
	for i := range list {
		s := &list[i]
		if !row.Has(s.Name) || s.Result != Pass && s.Result != Fail {
			continue
		}
		p.Scenarios = append(p.Scenarios, s.Name)
		for k := range p.Along {
			t := &p.Along[k]
			if slices.ContainsFunc(s.Denied, func(c AxisCount) bool { return c.Axis == t.Axis && c.Value == t.Value }) {
				t.Scenarios++
			}
		}
	}
	slices.Sort(p.Scenarios)
	return p
}
