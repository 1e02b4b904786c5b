// Package reading asks which mistakes would explain what was seen.
//
// A reading is a way to understand NetworkPolicies, or to follow their cluster, that
// differs from the specification in one respect, such as an AND that is taken for an OR,
// or a pod that is taken for another. One that predicts every flow of the failed step as
// it was seen, and every flow of the steps before, is consistent with the evidence. It is
// no more than that: other causes may look alike.
//
// Goals: deterministic; the same evidence, the same readings in the same order; a
// reading is one entry in a table.
// Non-goals: verdicts. Nothing here passes or fails. It asks internal/oracle and must
// not import the reference engine: faults that are planted there and readings that are
// found here would prove nothing of one another if they shared code.
package reading

import (
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Moment is one step: what was done, what held then, and what was seen.
type Moment struct {
	World *oracle.World
	// Step is the zero value before the first step, and after the last one.
	Step scenario.Step
	// Seen has one verdict per flow, OneWay only where it must be denied; Unknown where there
	// is no evidence, or where no specification settles the flow.
	Seen []flow.Verdict
	// SourcePort is what the scenario says of the ports that flows are dialled from.
	SourcePort scenario.SourcePort
}

// Reading is a mistake by its name, and in words that continue "consistent with".
type Reading struct{ Name, Says string }

// Consistent are the readings that predict what was seen of these flows at every
// moment, those that say most first. The first moment is the one before anything was
// changed, the last one that in which something was wrong; without anything wrong there
// is nothing to explain, and none.
func Consistent(flows []flow.Flow, moments []Moment) []Reading {
	c := gather(flows, moments)
	if !c.wrong() {
		return nil
	}
	var list []Reading
	for _, r := range table() {
		if c.explainedBy(r) {
			list = append(list, Reading{r.name, r.says})
		}
	}
	return list
}

// evidence is what readings are held against. It remembers what the oracle said.
type evidence struct {
	flows     []flow.Flow
	moments   []Moment
	explained [][]*oracle.Explanation // by moment and flow
}

func gather(flows []flow.Flow, moments []Moment) *evidence {
	e := &evidence{flows: flows, moments: moments}
	for range moments {
		e.explained = append(e.explained, make([]*oracle.Explanation, len(flows)))
	}
	return e
}

// reading is an entry of the table. make returns what the reading predicts for a
// moment, in one or more variants; nil: it says nothing here.
type reading struct {
	name, says string
	make       func(e *evidence, moment int) []prediction
}

// prediction is the verdict of one flow, by its index.
type prediction func(flow int) flow.Verdict

func (e *evidence) last() int { return len(e.moments) - 1 }

// wrong reports whether anything was seen at last that must not be.
func (e *evidence) wrong() bool {
	if len(e.moments) == 0 {
		return false
	}
	for i := range e.flows {
		if e.mismatch(e.last(), i) {
			return true
		}
	}
	return false
}

func (e *evidence) mismatch(moment, i int) bool {
	seen := e.moments[moment].Seen[i]
	return seen != flow.Unknown && seen != e.base(moment, i)
}

// explainedBy tries the last moment first: most readings end there. A variant has to
// hold at all moments, so that all of them are made in the same order.
func (e *evidence) explainedBy(r reading) bool {
	for v, p := range r.make(e, e.last()) {
		if e.predicts(p, e.last()) && e.before(r, v) {
			return true
		}
	}
	return false
}

func (e *evidence) before(r reading, variant int) bool {
	for m := range e.last() {
		if variants := r.make(e, m); variant >= len(variants) || !e.predicts(variants[variant], m) {
			return false
		}
	}
	return true
}

// predicts reports whether a prediction is what was seen. One that leaves a flow
// undefined explains nothing that was wrong, and contradicts nothing that was right.
func (e *evidence) predicts(p prediction, moment int) bool {
	if p == nil {
		return false
	}
	for i, seen := range e.moments[moment].Seen {
		if seen == flow.Unknown {
			continue
		}
		said := p(i)
		if said != seen && (said != flow.Undefined || e.mismatch(moment, i)) {
			return false
		}
	}
	return true
}

// base is what the policies mean.
func (e *evidence) base(moment, i int) flow.Verdict { return e.explain(moment, i).Verdict }

func (e *evidence) explain(moment, i int) *oracle.Explanation {
	at := &e.explained[moment][i]
	if *at == nil {
		x := e.moments[moment].World.Explain(e.flows[i])
		*at = &x
	}
	return *at
}

func (e *evidence) state(moment int) oracle.State { return e.moments[moment].World.State }
