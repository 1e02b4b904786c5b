package runner

import (
	"cmp"
	"context"
	"slices"

	"github.com/cniproof/cniproof/internal/deploy"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Session judges scenarios one by one on one stage, in an order that is its
// caller's. Its methods may not be called at once.
type Session struct {
	run   *run
	bench *bench
}

// NewSession runs the preflight. Of the configuration, Scenarios, Parallel, Seed and
// FailFast say nothing here.
func NewSession(ctx context.Context, cfg Config) *Session {
	cfg.Scenarios, cfg.Parallel = nil, 1
	r := newRun(cfg)
	r.preflight(ctx)
	return &Session{run: r, bench: newBench(r, 1)}
}

// Preflight is what was seen before the first scenario.
func (s *Session) Preflight() judge.Preflight { return s.run.result.Preflight }

// Judge runs one scenario.
func (s *Session) Judge(ctx context.Context, sc *scenario.Scenario) judge.Scenario {
	s.run.tell(Event{Started: sc, Stage: 1})
	result := s.bench.perform(ctx, sc)
	s.run.ended(result)
	return result
}

// Close removes what is deployed and returns everything that was judged.
func (s *Session) Close(ctx context.Context) *judge.Run {
	s.bench.leave(ctx)
	s.run.pool.Close()
	return s.run.end(ctx)
}

// Grouped puts scenarios that share a topology together, so that a session deploys
// it once.
func Grouped(list []*scenario.Scenario) []*scenario.Scenario {
	shapes := make(map[*scenario.Scenario]string, len(list))
	for _, s := range list {
		shapes[s] = deploy.Shape(s.Topology)
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *scenario.Scenario) int { return cmp.Compare(shapes[a], shapes[b]) })
	return list
}
