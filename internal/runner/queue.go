package runner

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/deploy"
	"github.com/cniproof/cniproof/internal/scenario"
)

// queue hands out scenarios in order, those that hold a table for long before the others,
// but prefers those for which a stage is already deployed.
type queue struct {
	mu      sync.Mutex
	pending []*scenario.Scenario
	shapes  map[*scenario.Scenario]string
	given   map[int]string // the shape that each stage was given last
	closed  bool
}

func newQueue(list []*scenario.Scenario) *queue {
	q := &queue{pending: slices.Clone(list), shapes: map[*scenario.Scenario]string{}, given: map[int]string{}}
	for _, s := range list {
		q.shapes[s] = deploy.Shape(s.Topology)
	}
	slices.SortStableFunc(q.pending, func(a, b *scenario.Scenario) int { return cmp.Compare(holds(b), holds(a)) })
	return q
}

// take removes the next scenario for a stage that is deployed in this shape, ""
// where it is not. It returns nil when nothing is left that is worth a deployment.
func (q *queue) take(stage int, shape string) *scenario.Scenario {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.given, stage)
	if q.closed {
		return nil
	}
	i := q.first(shape)
	if i < 0 {
		i = q.first(q.neediest())
	}
	if i < 0 {
		return nil
	}
	s := q.pending[i]
	q.given[stage] = q.shapes[s]
	q.pending = slices.Delete(q.pending, i, i+1)
	return s
}

func (q *queue) first(shape string) int {
	return slices.IndexFunc(q.pending, func(s *scenario.Scenario) bool { return q.shapes[s] == shape })
}

// alone is how many times more a shape counts that no stage has: what is begun late
// and cannot be shared out is what a run ends up waiting for.
const alone = 3

// neediest is the shape with the most work for each stage, counting one that would
// join; "" where every shape has stages enough: one that has no more than a
// scenario for each of its stages is done before another could be deployed.
func (q *queue) neediest() string {
	work, count, stages := map[string]int{}, map[string]int{}, map[string]int{}
	for _, shape := range q.given {
		stages[shape]++
	}
	for _, s := range q.pending {
		work[q.shapes[s]] += effort(s)
		count[q.shapes[s]]++
	}
	best, most := "", 0
	for _, s := range q.pending { // in their order, so that ties are settled alike
		shape := q.shapes[s]
		share := work[shape] / (stages[shape] + 1)
		if stages[shape] == 0 {
			share *= alone
		}
		if count[shape] > stages[shape] && share > most {
			best, most = shape, share
		}
	}
	return best
}

// effort is about how long a scenario takes, in no unit: every step waits, and
// tries every pair of pods; and some hold their tables for long.
func effort(s *scenario.Scenario) int {
	pods := len(s.Topology.Pods)
	return (len(s.Steps)+1)*(50+pods*pods) + secondOfHold*int(holds(s)/time.Second)
}

// secondOfHold is the effort of a second, on a machine that is busy.
const secondOfHold = 60

// holds is how long the steps of a scenario ask for their tables to be held.
func holds(s *scenario.Scenario) time.Duration {
	var sum time.Duration
	for _, step := range s.Steps {
		sum += step.Hold
	}
	return sum
}

// close makes take return nothing more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// rest is what was never taken.
func (q *queue) rest() []*scenario.Scenario {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pending
}
