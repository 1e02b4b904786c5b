package vigil

import (
	"cmp"
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// Report is what a watch came to.
type Report struct {
	Begin, End time.Time // of the watch itself, after everything was settled
	Interval   time.Duration
	Step       string // of the scenario, whose table was held
	Flows      int
	Allowed    int
	Denied     int
	Counts     Counts
	Windows    []Window // by begin
	Losses     []Loss   // the first of them
	Gaps       Gaps
	Incidents  []Incident
	Events     []Event
	// Command is how the command ended that was watched; nil where there was none.
	Command *Command
	// Began is false where the watch never did, and Trouble says why. Trouble may
	// also be about what came after.
	Began   bool
	Trouble string
	// Wrong is true where verdicts were wrong before the watch could begin.
	Wrong bool
	// Interrupted is true where the user ended it.
	Interrupted bool
}

// Event is something that happened beside the flows: a pod that went, a restart.
type Event struct {
	At   time.Time
	Text string
}

// Command is a command that was watched.
type Command struct {
	Text string
	Exit int // -1 where it could not be run, or was killed
	Took time.Duration
}

// Incident is windows of one kind that touch: what one cause may have done.
type Incident struct {
	Kind       Kind
	Begin, End time.Time
	Last       time.Time // when something was last seen wrong
	Open       bool
	Windows    int
	Flows      []flow.Flow
}

// Report ends the record.
func (r *Recorder) Report(end time.Time, interval time.Duration) *Report {
	for i := range r.tracks {
		t := &r.tracks[i]
		if r.expected[i] == flow.Allow || r.expected[i] == flow.Deny {
			r.missed(i, t, end)
		}
		r.settle(t)
		if t.open != nil {
			t.open.Open = true
			r.close(i, t, end)
		}
	}
	report := &Report{
		Begin: r.begin, End: end, Interval: interval, Flows: len(r.flows),
		Counts: r.counts, Windows: slices.Clone(r.windows), Losses: r.losses, Gaps: r.gaps.sum(), Began: true,
	}
	for _, v := range r.expected {
		switch v {
		case flow.Allow:
			report.Allowed++
		case flow.Deny:
			report.Denied++
		case flow.Undefined, flow.Unknown, flow.OneWay:
		}
	}
	slices.SortStableFunc(report.Windows, func(a, b Window) int {
		return cmp.Or(a.Begin.Compare(b.Begin), flow.Compare(a.Flow, b.Flow))
	})
	report.Incidents = incidents(report.Windows, 2*interval)
	return report
}

// incidents puts windows of one kind together that overlap, or are no more than slack
// apart on different flows. Windows of one flow stay apart.
func incidents(windows []Window, slack time.Duration) []Incident {
	var list []Incident
	for _, k := range []Kind{Leak, Disruption, Unclear} {
		var now *Incident
		for _, w := range windows {
			if w.Kind != k {
				continue
			}
			if now == nil || w.Begin.After(now.End.Add(joins(now, w, slack))) {
				list = append(list, Incident{Kind: k, Begin: w.Begin, End: w.End})
				now = &list[len(list)-1]
			}
			now.take(w)
		}
	}
	return list
}

func joins(i *Incident, w Window, slack time.Duration) time.Duration {
	if slices.Contains(i.Flows, w.Flow) {
		return 0
	}
	return slack
}

func (i *Incident) take(w Window) {
	i.Windows++
	i.Open = i.Open || w.Open
	if w.Last.After(i.Last) {
		i.Last = w.Last
	}
	if w.End.After(i.End) {
		i.End = w.End
	}
	if !slices.Contains(i.Flows, w.Flow) {
		i.Flows = append(i.Flows, w.Flow)
	}
}

// Of counts the windows of a kind.
func (r *Report) Of(k Kind) int {
	n := 0
	for _, w := range r.Windows {
		if w.Kind == k {
			n++
		}
	}
	return n
}

// The exit codes, as those of a run.
const (
	ExitQuiet       = 0
	ExitSeen        = 1
	ExitUntold      = 2
	ExitInterrupted = 130
)

// ExitCode is what a process that made the watch should end with: what was seen
// outranks what could not be told.
func (r *Report) ExitCode() int {
	switch {
	case r.Wrong || r.Of(Leak)+r.Of(Disruption) > 0:
		return ExitSeen
	case !r.Began && r.Interrupted:
		return ExitInterrupted
	case !r.Began, r.Trouble != "", r.Of(Unclear) > 0, r.Command != nil && r.Command.Exit != 0, r.Counts.Right == 0:
		return ExitUntold
	}
	return ExitQuiet
}
