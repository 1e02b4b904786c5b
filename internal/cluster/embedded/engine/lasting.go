package engine

import (
	"reflect"
	"time"
)

// What faulty engines do to rules that were programmed a while ago. Nothing here does
// anything in an engine without faults.

// leaksFor is how long nothing is enforced when everything is written anew.
const leaksFor = 50 * time.Millisecond

// periods are how long after the last programming something happens to the rules.
type periods struct {
	lapse  time.Duration // until they are forgotten
	resync time.Duration // until all of them are written anew
}

func usualPeriods() periods { return periods{lapse: 45 * time.Second, resync: time.Minute} }

// goBack makes each policy again what it was when it came, and reports whether that
// changes any.
func (l *loop) goBack() bool {
	changed := false
	for k, p := range l.store.policies {
		if first := l.firsts[k]; first != nil && !reflect.DeepEqual(p.spec, &first.Spec) {
			l.store.policies[k], changed = &policy{key: p.key, spec: &first.Spec, created: p.created}, true
		}
	}
	return changed
}

// wear does to old rules what time does to them.
func (l *loop) wear() error {
	age := time.Since(l.last)
	if l.faults.Has(RulesLapse) && age > l.periods.lapse {
		l.turn(ajar)
		l.forget()
	}
	if l.faults.Has(ResyncGoesBack) && age > l.periods.resync && l.goBack() {
		return l.program()
	}
	if l.faults.Has(ResyncLeaks) && age > l.periods.resync {
		l.turn(ajar)
		<-time.After(leaksFor)
		l.forget()
		return l.program()
	}
	return nil
}

// goByTheClock reports whether there is any fault of old rules.
func (f Faults) goByTheClock() bool {
	return f.Has(RulesLapse) || f.Has(ResyncLeaks) || f.Has(ResyncGoesBack)
}
