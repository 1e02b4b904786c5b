package runner

import (
	"slices"
	"sync"

	"github.com/cniproof/cniproof/internal/deploy"
	"github.com/cniproof/cniproof/internal/scenario"
)

// queue hands out scenarios in order, but prefers those for which a stage is
// already deployed.
type queue struct {
	mu      sync.Mutex
	pending []*scenario.Scenario
	shapes  map[*scenario.Scenario]string
	closed  bool
}

func newQueue(list []*scenario.Scenario) *queue {
	q := &queue{pending: list, shapes: map[*scenario.Scenario]string{}}
	for _, s := range list {
		q.shapes[s] = deploy.Shape(s.Topology)
	}
	return q
}

// take removes the next scenario of this shape; where there is none, the next
// one of the shape that waits most often. It returns nil when nothing is left.
func (q *queue) take(shape string) *scenario.Scenario {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.pending) == 0 {
		return nil
	}
	i := q.first(shape)
	if i < 0 {
		i = q.first(q.commonest())
	}
	s := q.pending[i]
	q.pending = slices.Delete(q.pending, i, i+1)
	return s
}

func (q *queue) first(shape string) int {
	return slices.IndexFunc(q.pending, func(s *scenario.Scenario) bool { return q.shapes[s] == shape })
}

func (q *queue) commonest() string {
	count := map[string]int{}
	best := q.shapes[q.pending[0]]
	for _, s := range q.pending {
		shape := q.shapes[s]
		count[shape]++
		if count[shape] > count[best] {
			best = shape
		}
	}
	return best
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
