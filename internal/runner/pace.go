package runner

import (
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// pace is the run's timing of steps.
type pace struct {
	within, hold time.Duration
	// settle is for how long a change may be on its way that does not show.
	settle time.Duration
}

// learner knows how long the changes of a run took that showed.
type learner struct{ took judge.Distribution }

// settle is half as long again as all but the slowest hundredth of the changes took, and
// at most half of what a step may take.
func (l *learner) settle(within time.Duration) time.Duration {
	return min(l.took.Percentile(99)*3/2, within/2)
}

// learn takes in how long the changes of a step took that passed. What takes effect after
// a restart of the agent says nothing of other steps.
func (l *learner) learn(step scenario.Step, result *judge.Step) {
	if result.Result != judge.Pass || step.Restarts() {
		return
	}
	for _, latency := range []*judge.Latency{result.Enforce, result.Revoke} {
		if latency != nil {
			took := max(latency.Settled, latency.LastWrong)
			at, _ := slices.BinarySearch(l.took, took)
			l.took = slices.Insert(l.took, at, took)
		}
	}
}

// paceNow is the pace after the preflight's correction, and what has been learned since.
func (r *run) paceNow() pace {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.pace
	now.settle = r.learner.settle(now.within)
	return now
}

func (r *run) learn(step scenario.Step, result *judge.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.learner.learn(step, result)
}
