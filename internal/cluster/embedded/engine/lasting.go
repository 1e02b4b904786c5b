package engine

import "time"

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

// wear does to old rules what time does to them.
func (l *loop) wear() error {
	age := time.Since(l.last)
	if l.faults.Has(RulesLapse) && age > l.periods.lapse {
		l.turn(ajar)
		l.forget()
	}
	if l.faults.Has(ResyncLeaks) && age > l.periods.resync {
		l.turn(ajar)
		<-time.After(leaksFor)
		l.forget()
		return l.program()
	}
	return nil
}
