package latency

import (
	"fmt"
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// Enough reports whether nothing more can be learned: everything has been right for
// long enough, or time is up.
func (s Step) Enough(line *flow.Timeline) bool {
	all, calm, late := s.tracks(line), true, true
	for i := range s.turned() {
		t := all[i]
		calm = calm && t.calm(s.Expected[i], s.Calm)
		late = late && t.length(s.Since) >= s.Within
	}
	for _, i := range s.Controls {
		calm = calm && all[i].length(s.Since) >= s.Calm
	}
	return calm || late
}

// Measure reads the whole timeline.
func (s Step) Measure(line *flow.Timeline) Measurement {
	m := Measurement{Change: s.Change, At: s.Since, Result: Measured, Flows: len(s.turned())}
	all := s.tracks(line)
	for _, t := range all {
		for _, sample := range t {
			m.Lag = max(m.Lag, sample.Lag)
		}
	}
	if reason := s.disturbed(line.Flows, all); reason != "" {
		m.Result, m.Reason = Untold, reason
		return m
	}
	for i := range s.turned() {
		if result, reason := s.outcome(line.Flows[i], i, all[i]); result != Measured && m.Result != Never {
			m.Result, m.Reason = result, reason
		}
	}
	if m.Result != Measured {
		return m
	}
	goal := judge.Goal{Expected: s.Expected, Before: s.Before, Since: s.Since}
	enforce, revoke := goal.Latencies(inOrder(line, all))
	l := enforce
	if s.Change.Way == Revoked {
		l = revoke
	}
	m.First, m.Settled, m.LastWrong = l.FirstCorrect, l.Settled, l.LastWrong
	for i := range s.turned() {
		m.Resolution = max(m.Resolution, all[i].resolution(s.Expected[i], s.Since))
	}
	return m
}

// turned are the flows that the change turns its way, by their index.
func (s Step) turned() map[int]bool {
	to := flow.Deny
	if s.Change.Way == Revoked {
		to = flow.Allow
	}
	found := map[int]bool{}
	for i := range s.Expected {
		if s.Expected[i] == to && s.Before[i] != to && s.Before[i] != flow.Undefined {
			found[i] = true
		}
	}
	return found
}

// disturbed says why what was seen may not be the change's doing, or "".
func (s Step) disturbed(flows []flow.Flow, all []track) string {
	for _, i := range s.Controls {
		connected := false
		for _, sample := range all[i] {
			if v := sample.Verdict(); v == flow.Deny || v == flow.OneWay {
				return fmt.Sprintf("the control flow %s was closed as well %s after the change", flows[i].Line(), sample.Begin.Sub(s.Since).Round(time.Millisecond))
			} else if v == flow.Allow {
				connected = true
			}
		}
		if !connected {
			return fmt.Sprintf("the control flow %s could not be told", flows[i].Line())
		}
	}
	return ""
}

// outcome is what became of one flow.
func (s Step) outcome(f flow.Flow, i int, t track) (Result, string) {
	if t.calm(s.Expected[i], s.Calm) {
		return Measured, ""
	}
	evidence := t.evidence()
	if evidence.length(s.Since) < s.Within/2 {
		detail := "it was not tried"
		if len(t) > 0 && t.last().Detail != "" {
			detail = t.last().Detail
		}
		return Untold, fmt.Sprintf("%s could not be told: %s", f.Line(), detail)
	}
	if evidence.first(s.Expected[i]) < 0 {
		return Never, fmt.Sprintf("%s was not %s within %s", f.Line(), s.Change.Way, s.Within)
	}
	return Never, fmt.Sprintf("%s was not %s for good within %s", f.Line(), s.Change.Way, s.Within)
}

// track is the samples of one flow since the change, in order.
type track []flow.Sample

// tracks are those of all flows.
func (s Step) tracks(line *flow.Timeline) []track {
	all := make([]track, len(line.Flows))
	for _, r := range line.Rounds {
		for i, sample := range r.All() {
			if !sample.Begin.Before(s.Since) {
				all[i] = append(all[i], sample)
			}
		}
	}
	for _, t := range all {
		slices.SortStableFunc(t, func(a, b flow.Sample) int { return a.Begin.Compare(b.Begin) })
	}
	return all
}

// inOrder is a timeline of these samples.
func inOrder(line *flow.Timeline, all []track) *flow.Timeline {
	ordered := &flow.Timeline{Flows: line.Flows}
	for i, t := range all {
		ordered.Rounds = append(ordered.Rounds, flow.Round{Only: slices.Repeat([]int{i}, len(t)), Samples: t})
	}
	return ordered
}

// length is how long after the change the last sample began.
func (t track) length(since time.Time) time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t.last().Begin.Sub(since)
}

func (t track) last() flow.Sample { return t[len(t)-1] }

// evidence leaves out what tells nothing.
func (t track) evidence() track {
	var list track
	for _, s := range t {
		if s.Verdict() != flow.Unknown {
			list = append(list, s)
		}
	}
	return list
}

// first is the index of the first sample with a verdict, or -1.
func (t track) first(v flow.Verdict) int {
	return slices.IndexFunc(t, func(s flow.Sample) bool { return s.Verdict() == v })
}

// calm reports whether the flow has shown the verdict, and nothing else since, for so
// long.
func (t track) calm(v flow.Verdict, length time.Duration) bool {
	var since, until time.Time
	for _, s := range t.evidence() {
		switch {
		case s.Verdict() != v:
			since = time.Time{}
			continue
		case since.IsZero():
			since = s.Begin
		}
		until = s.Begin
	}
	return !since.IsZero() && until.Sub(since) >= length
}

// resolution is how long before the first sample with the verdict the one before it
// began, or the change was.
func (t track) resolution(v flow.Verdict, since time.Time) time.Duration {
	e := t.evidence()
	n := e.first(v)
	if n < 0 {
		return 0
	}
	if n > 0 {
		since = e[n-1].Begin
	}
	return e[n].Begin.Sub(since)
}

// Bracket takes the measurements of one round of changes, in order, and counts no
// denial after which the flows were not seen to open again: only then was it the
// change's doing.
func Bracket(list []Measurement) []Measurement {
	all := slices.Clone(list)
	opened := false
	for i, m := range slices.Backward(all) {
		switch {
		case m.Result != Measured:
		case m.Change.Way == Revoked:
			opened = true
		case !opened:
			all[i].Result, all[i].Reason = Untold, "the flows were not seen to open again afterwards"
		}
	}
	return all
}

// Holds reports whether every flow has shown what is expected, and nothing else since,
// for long enough.
func (s Step) Holds(line *flow.Timeline) bool {
	for i, t := range s.tracks(line) {
		if !t.calm(s.Expected[i], s.Calm) {
			return false
		}
	}
	return true
}
