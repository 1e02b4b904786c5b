package flow

import "time"

// Sample is what one probe of one flow saw.
type Sample struct {
	// Begin is when the first attempt began, on the prober's clock. Its error is
	// at most the time that the control stream takes to deliver a request.
	Begin    time.Time
	Took     time.Duration // of the deciding attempt
	Outcome  Outcome
	Attempts int
	Detail   string // why the outcome is not Connected
}

// Verdict is what the sample is evidence for: Allow, Deny (given the flow's
// positive control), or Unknown.
func (s Sample) Verdict() Verdict {
	switch {
	case s.Outcome == Connected:
		return Allow
	case s.Outcome.Blocked():
		return Deny
	default:
		return Unknown
	}
}

// Round is one probe of every flow of a timeline, all at once.
type Round struct {
	Begin, End time.Time
	Samples    []Sample // in the order of Timeline.Flows
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
