package flow

import (
	"iter"
	"time"
)

// Look says what an observer shall do next.
type Look struct {
	// Again is false once enough was seen.
	Again bool
	// Only has the indices of the flows to try; nil stands for all of them. The silence of
	// some is taken at its word: it says when all are worth a try, and decides nothing.
	Only []int
	// Pause comes before the round.
	Pause time.Duration
	// Steady says that nothing is expected to change any more, so that a flow which
	// has connected is given more time before it counts as closed.
	Steady bool
	// Patient gives every flow a second at least before it counts as closed: what the
	// round shows will be held against somebody.
	Patient bool
}

// Sample is what one probe of one flow saw.
type Sample struct {
	// Begin is when the first attempt began, on the prober's clock. Its error is
	// at most the time that the control stream takes to deliver a request.
	Begin    time.Time
	Took     time.Duration // of the deciding attempt
	Outcome  Outcome
	Attempts int
	Detail   string // why the outcome is not Connected
	// Lag is for how long the request and its answer were on their way, where that is known:
	// by at most that much Begin is too early.
	Lag time.Duration
	// Mark is what the destination's agent has heard if what was sent came through; 0 where
	// the outcome is Connected.
	Mark uint64
}

// Verdict is what the sample is evidence for: Allow, Deny (given the flow's
// positive control), OneWay, or Unknown.
func (s Sample) Verdict() Verdict {
	switch {
	case s.Outcome == Connected:
		return Allow
	case s.Outcome.Blocked():
		return Deny
	case s.Outcome == Unanswered:
		return OneWay
	default:
		return Unknown
	}
}

// Round is one probe of every flow of a timeline, or of some, all at once.
type Round struct {
	Begin, End time.Time
	// Only has the indices of the flows that were tried, one as often as it was; nil
	// stands for all of them.
	Only    []int
	Samples []Sample // one for each of Only, or of Timeline.Flows
	// Patient is as it was asked for.
	Patient bool
}

// All yields the flows that were tried, by index, with what was seen.
func (r Round) All() iter.Seq2[int, Sample] {
	return func(yield func(int, Sample) bool) {
		for n, s := range r.Samples {
			if r.Only != nil {
				n = r.Only[n]
			}
			if !yield(n, s) {
				return
			}
		}
	}
}

// Timeline is everything that was seen while a step was watched.
type Timeline struct {
	Flows  []Flow
	Rounds []Round
}

// Last is the last round; nil if there is none.
func (t *Timeline) Last() *Round {
	if len(t.Rounds) == 0 {
		return nil
	}
	return &t.Rounds[len(t.Rounds)-1]
}

// Stretch is attempts on one flow in a row, by the time of their begin, that came to
// the same. Times count from whatever the attempts are about.
type Stretch struct {
	Outcome     Outcome
	Count       int
	First, Last time.Duration // when the first and the last of them began
	Took        time.Duration // how long the first lasted
	Detail      string
}
