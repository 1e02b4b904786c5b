package judge

import (
	"fmt"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/vigil"
)

// Vigil is what was seen, all through a steady step, of the flows whose verdict it does
// not change. Times count from the step's first action.
type Vigil struct {
	Allowed, Denied int // flows
	Samples         int
	Lost            int // single failures of allowed flows, which are no disruption
	// Gap is the typical time from one probe of a flow to its next, LongestGap the longest.
	Gap, LongestGap time.Duration
	Lasted          time.Duration
	Windows         []Window // by begin
}

// Window is a stretch of time in which a flow was not as it must be, or could not be told.
type Window struct {
	Flow       flow.Flow
	Kind       vigil.Kind
	Begin, End time.Duration
	Open       bool // to the end of the step
	Samples    int
	Outcome    flow.Outcome // of the last sample
	Detail     string
}

// Wrong reports whether the window is evidence against the implementation.
func (w Window) Wrong() bool { return w.Kind == vigil.Leak || w.Kind == vigil.Disruption }

// Wrong are the windows that are evidence against the implementation.
func (v *Vigil) Wrong() []Window {
	var list []Window
	for _, w := range v.windows() {
		if w.Wrong() {
			list = append(list, w)
		}
	}
	return list
}

// windows of no vigil are none.
func (v *Vigil) windows() []Window {
	if v == nil {
		return nil
	}
	return v.Windows
}

// Guarded adds what was seen while the step went on, and since the given time, to what
// became of its table. One leak or disruption fails the step; where something could not
// be told it is no pass.
func (s *Step) Guarded(flows []flow.Flow, r *vigil.Report, since time.Time) {
	s.Vigil = &Vigil{
		Allowed: r.Allowed, Denied: r.Denied, Samples: r.Counts.Samples, Lost: r.Counts.Lost,
		Gap: r.Gaps.Typical, LongestGap: r.Gaps.Longest, Lasted: r.End.Sub(since),
	}
	for _, w := range r.Windows {
		s.Vigil.Windows = append(s.Vigil.Windows, Window{
			Flow: w.Flow, Kind: w.Kind, Begin: max(0, w.Begin.Sub(since)), End: w.End.Sub(since),
			Open: w.Open, Samples: w.Samples, Outcome: w.Outcome, Detail: w.Detail,
		})
	}
	switch reason := s.Vigil.reason(); {
	case reason == "":
	case len(s.Vigil.Wrong()) > 0:
		s.conclude(flows, Fail, reason)
	default:
		s.conclude(flows, Inconclusive, reason)
	}
}

// Doubt makes a step that passed inconclusive, for a reason that its table does not show.
func (s *Step) Doubt(flows []flow.Flow, reason string) { s.conclude(flows, Inconclusive, reason) }

// conclude makes the result worse, never better.
func (s *Step) conclude(flows []flow.Flow, r Result, reason string) {
	switch {
	case s.Result == Pass:
		table := (&Scenario{Flows: flows}).Table(s)
		s.Result, s.Reason, s.Cells = r, reason, table
	case r == Fail && s.Result == Inconclusive:
		s.Result, s.Reason = r, reason
	default:
		s.Reason += "; " + reason
	}
}

// reason says in one sentence what was wrong, or could not be told, while the step went on.
func (v *Vigil) reason() string {
	var parts []string
	for _, k := range []vigil.Kind{vigil.Leak, vigil.Disruption, vigil.Unclear} {
		var first *Window
		n := 0
		for i, w := range v.Windows {
			if w.Kind == k {
				if n++; n == 1 {
					first = &v.Windows[i]
				}
			}
		}
		if first == nil || k == vigil.Unclear && len(parts) > 0 {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s, the first of %s from %s to %s", kinds(k, n), first.Flow, millis(first.Begin), millis(first.End)))
	}
	switch {
	case len(parts) > 0:
		return "while it went on: " + strings.Join(parts, "; ")
	case v.Allowed+v.Denied == 0:
		return "while it went on nothing was watched: no flow keeps its verdict"
	}
	return ""
}

func millis(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

func kinds(k vigil.Kind, n int) string {
	word := map[vigil.Kind]string{vigil.Leak: "leak", vigil.Disruption: "disruption", vigil.Unclear: "stretch that could not be told"}[k]
	if n == 1 {
		return "1 " + word
	}
	if k == vigil.Unclear {
		return fmt.Sprintf("%d stretches that could not be told", n)
	}
	return fmt.Sprintf("%d %ss", n, word)
}
