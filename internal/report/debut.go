package report

import (
	"fmt"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// debutSights are the flows of new pods that came to a result, as findings.
func debutSights(step *judge.Step, r judge.Result) []sight {
	var all []sight
	for _, d := range step.DebutsOf(r) {
		class := fmt.Sprintf("expected %s from the first instant on, dialled by the %s", d.Expected, d.By)
		all = append(all, sight{flow: d.Flow, class: class, outcomes: attempts(d), why: reasonAlone(d)})
	}
	return all
}

// reasonAlone is the reason without the flow, which stands before it already.
func reasonAlone(d judge.Debut) string {
	rest, ok := strings.CutPrefix(d.Reason, d.Flow.String())
	if !ok {
		return d.Reason
	}
	if said, told := strings.CutPrefix(rest, ": "); told {
		return said
	}
	return "It" + rest
}

// attempts counts them by what they came to.
func attempts(d judge.Debut) map[flow.Outcome]int {
	count := map[flow.Outcome]int{}
	for _, s := range d.Stretches {
		count[s.Outcome] += s.Count
	}
	return count
}

func debutEntries(step *judge.Step) []DebutEntry {
	list := []DebutEntry{}
	for _, d := range step.Debuts {
		e := DebutEntry{
			Flow: d.Flow.String(), By: d.By, Expected: d.Expected, Result: d.Result, Reason: d.Reason, Connected: -1, Outcomes: attempts(d),
		}
		if first, ok := d.First(); ok {
			e.Connected = millis(first)
		}
		list = append(list, e)
	}
	return list
}
