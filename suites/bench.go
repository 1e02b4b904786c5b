package suites

import (
	"context"
	"errors"
	"fmt"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/scenario"
)

// stages is how many scenarios run at once where one process has them all.
const stages = 6

// bench is an open cluster and the run on it.
type bench struct {
	cluster cluster.Cluster
	// preflight is what was seen before the first scenario.
	preflight func() judge.Preflight
	// judge returns the result of a scenario, once.
	judge func(context.Context, *scenario.Scenario) judge.Scenario
	// end ends the run.
	end func(context.Context) *judge.Run
}

// open opens the cluster for scenarios that one process has to judge. It runs them
// several at once, ahead of who asks for them; or one by one, where nil says that it
// cannot be known which they are.
func (t *Target) open(ctx context.Context, ahead []*scenario.Scenario, progress func(string)) (*bench, error) {
	provider, err := t.provider()
	if err != nil {
		return nil, err
	}
	c, err := provider.Open(ctx, progress)
	if err != nil {
		return nil, err
	}
	cfg := runner.Config{Cluster: c, Parallel: stages, Within: t.within, Hold: t.hold}
	b := &bench{cluster: c}
	if ahead == nil {
		b.session(ctx, cfg)
	} else {
		cfg.Scenarios = ahead
		b.whole(context.WithoutCancel(ctx), cfg)
	}
	return b, nil
}

func (b *bench) session(ctx context.Context, cfg runner.Config) {
	s := runner.NewSession(ctx, cfg)
	b.preflight, b.judge, b.end = s.Preflight, s.Judge, s.Close
}

// whole runs all scenarios, and keeps each result for whoever asks for it.
func (b *bench) whole(ctx context.Context, cfg runner.Config) {
	ctx, stop := context.WithCancel(ctx)
	results := map[string]chan judge.Scenario{}
	for _, s := range cfg.Scenarios {
		results[s.Name] = make(chan judge.Scenario, 1)
	}
	preflight, ended := make(chan judge.Preflight, 1), make(chan *judge.Run, 1)
	cfg.Progress = func(e runner.Event) {
		switch {
		case e.Preflight != nil:
			preflight <- *e.Preflight
		case e.Ended != nil:
			results[e.Ended.Name] <- *e.Ended
		}
	}
	go func() { ended <- runner.Run(ctx, cfg) }()
	b.preflight = func() judge.Preflight { return <-preflight }
	b.judge = func(ctx context.Context, s *scenario.Scenario) judge.Scenario {
		select {
		case result := <-results[s.Name]:
			return result
		case <-ctx.Done():
			return judge.Scenario{Name: s.Name, Result: judge.Inconclusive, Reason: fmt.Sprintf("not waited for: %v", ctx.Err())}
		}
	}
	b.end = func(context.Context) *judge.Run {
		stop()
		return <-ended
	}
}

func (b *bench) close(ctx context.Context) error {
	r := b.end(ctx)
	err := b.cluster.Close(context.WithoutCancel(ctx))
	if r.Err != "" {
		err = errors.Join(errors.New(r.Err), err)
	}
	return err
}
