package runner

import (
	"context"
	"errors"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// lives takes in what a step did to the lives of pods: agents that are new or gone, and
// with them the flows that can be tried.
func (p *play) lives(ctx context.Context, step scenario.Step) error {
	anew, completed := step.Recreated(), step.Completed()
	if len(anew)+len(completed) == 0 {
		return nil
	}
	return errors.Join(p.bench.recreated(ctx, anew), p.aim(ctx))
}

// revive starts anew the pods that have completed or terminate, so that every flow is there again.
// It returns when that was done, or the time given where there is nothing to do.
func (p *play) revive(ctx context.Context, since time.Time) (time.Time, error) {
	pods, err := p.bench.stage.Revive(ctx)
	if len(pods) == 0 || err != nil {
		return since, err
	}
	err = errors.Join(p.bench.recreated(ctx, pods), p.aim(ctx))
	return time.Now(), err
}

// forget drops the agents of pods that are gone for good.
func (b *bench) forget(pods []flow.Endpoint) {
	for _, e := range pods {
		b.run.pool.Drop(b.stage.Agent(e))
	}
}

// endAgent has the agent of a pod, by its real name, end well, and forgets it.
func (b *bench) endAgent(ctx context.Context, pod flow.Endpoint) error {
	defer b.run.pool.Drop(pod)
	return b.run.pool.Agent(pod).End(ctx)
}
