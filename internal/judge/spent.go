package judge

import (
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// Spent is what the time of a step, a scenario or a run went into. Of a run it is
// the sum over all stages, and so more than the run took.
type Spent struct {
	// Deploying probe pods, until all of them are ready. Of scenarios only: one that
	// finds its pods there spends none.
	Deploying time.Duration
	// API is requests that change objects, until they are answered, and until pods are
	// there again that a step recreates. Of scenarios only.
	API time.Duration
	// Waiting for a step's table, from the API's answer to the first round that shows it.
	Waiting time.Duration
	// Holding the table, from then on.
	Holding time.Duration
	// Silence is the part of Waiting and Holding in which every answer was there but
	// those that did not come: the time-outs of denied flows.
	Silence time.Duration
}

// Add adds what was spent elsewhere.
func (s *Spent) Add(other Spent) {
	s.Deploying += other.Deploying
	s.API += other.API
	s.Waiting += other.Waiting
	s.Holding += other.Holding
	s.Silence += other.Silence
}

// spending reads a timeline.
func (g Goal) spending(p progress, line *flow.Timeline) Spent {
	last := line.Last()
	if last == nil {
		return Spent{}
	}
	turn := last.End
	if p.reached >= 0 {
		turn = line.Rounds[p.reached].Begin
	}
	s := Spent{Waiting: max(0, turn.Sub(g.Since)), Holding: last.End.Sub(turn)}
	for _, r := range line.Rounds {
		s.Silence += silence(r)
	}
	return s
}

// silence is how long a round went on after its last answer; all of it without any.
func silence(r flow.Round) time.Duration {
	answered, quiet := r.Begin, false
	for _, s := range r.Samples {
		if s.Outcome == flow.TimedOut || s.Outcome == flow.Unanswered {
			quiet = true
			continue
		}
		if end := s.Begin.Add(s.Took); end.After(answered) {
			answered = end
		}
	}
	if !quiet {
		return 0
	}
	return max(0, r.End.Sub(answered))
}
