package judge

import (
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// A step's whole table is tried once a few flows, the scouts, show that it may be
// reached. Scouts decide nothing: a table counts as reached, and a step as failed,
// by rounds of the whole table only.
const (
	scouts     = 8
	scoutPause = 5 * time.Millisecond
)

// scout chooses the flows of the next round, before the table was reached: first
// some that the step has to change, after a whole round some that it showed wrong.
// All of them are tried once those are right, or if there are none.
func (g Goal) scout(line *flow.Timeline) flow.Look {
	last := line.Last()
	switch {
	case last == nil && g.still():
		return flow.Look{Again: true, Pause: g.Settle}
	case last == nil:
		return flow.Look{Again: true, Only: some(g.turning())}
	case whole(last):
		return flow.Look{Again: true, Only: some(g.off(*last)), Pause: scoutPause}
	case len(g.off(*last)) > 0:
		return flow.Look{Again: true, Only: last.Only, Pause: scoutPause}
	}
	return flow.Look{Again: true}
}

// turning are the flows that the step turns from allowed to denied, or back.
func (g Goal) turning() []int {
	var list []int
	for i, v := range g.Expected {
		if v != flow.Undefined && v != g.before(i) {
			list = append(list, i)
		}
	}
	return list
}

// off are the flows that a round did not show as expected.
func (g Goal) off(r flow.Round) []int {
	var list []int
	for i, s := range r.All() {
		if g.Expected[i] != flow.Undefined && s.Verdict() != g.Expected[i] {
			list = append(list, i)
		}
	}
	return list
}

func (g Goal) before(i int) flow.Verdict {
	if g.Before == nil {
		return flow.Allow
	}
	return g.Before[i]
}

// some are a few of a list, evenly spread; nil of an empty one.
func some(list []int) []int {
	if len(list) <= scouts {
		return list
	}
	few := make([]int, scouts)
	for n := range few {
		few[n] = list[n*len(list)/scouts]
	}
	return few
}

func whole(r *flow.Round) bool { return r != nil && r.Only == nil }

func wholeRounds(line *flow.Timeline) int {
	n := 0
	for i := range line.Rounds {
		if whole(&line.Rounds[i]) {
			n++
		}
	}
	return n
}
