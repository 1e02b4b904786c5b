package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/deploy"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// farewellControl is the name of a control in a report.
const farewellControl = "control before the end: no policy, pods that terminate"

// lingered makes a step inconclusive that watched pods which were to terminate all the
// while, where that cannot be shown. A denied flow that connected is evidence anyhow: the
// pod's own agent answered, or dialled.
func (p *play) lingered(ctx context.Context, step *judge.Step) {
	switch err := p.bench.stage.StillTerminating(ctx); {
	case err == nil || step.Result == judge.Fail:
	case errors.Is(err, deploy.ErrEnded):
		step.Doubt(p.flows, fmt.Sprintf("not judged: %v", err))
	default:
		step.Doubt(p.flows, fmt.Sprintf("the cluster failed: %v", err))
	}
}

// farewell shows, when there is no policy any more, that pods which terminate can still
// be reached and reach others: only then were they denied by policies, and not cut off. It
// returns false, with the scenario concluded, where that cannot be shown. What is only
// recorded needs no such proof.
func (p *play) farewell(ctx context.Context, since time.Time) bool {
	pods := p.bench.stage.Terminating()
	if len(pods) == 0 || p.result.Result != "" || !p.scenario.Level.Scored() {
		return true
	}
	control := p.controlOf(ctx, farewellControl, since, func(f flow.Flow) bool {
		return slices.Contains(pods, f.Source) || slices.Contains(pods, f.Destination)
	})
	p.lingered(ctx, &control)
	if control.Result != judge.Pass {
		control.Result = judge.Inconclusive
		p.conclude(judge.Inconclusive, "not judged: without any policy, pods that terminate were not seen to connect: "+control.Reason)
	}
	p.result.Steps = append(p.result.Steps, control)
	return control.Result == judge.Pass
}
