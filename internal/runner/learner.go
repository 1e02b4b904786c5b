package runner

import (
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// learner knows how long the changes of a run took that showed.
type learner struct {
	mu   sync.Mutex
	took judge.Distribution
}

// settle is for how long a change may be on its way that does not show: half as long
// again as all but the slowest hundredth of the others took, and at most half of what the
// step may take.
func (l *learner) settle(within time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return min(l.took.Percentile(99)*3/2, within/2)
}

// learn takes in how long the changes of a step took that passed. What takes effect after
// a restart of the agent says nothing of other steps.
func (l *learner) learn(step scenario.Step, result *judge.Step) {
	if result.Result != judge.Pass || step.Restarts() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, latency := range []*judge.Latency{result.Enforce, result.Revoke} {
		if latency != nil {
			took := max(latency.Settled, latency.LastWrong)
			at, _ := slices.BinarySearch(l.took, took)
			l.took = slices.Insert(l.took, at, took)
		}
	}
}
