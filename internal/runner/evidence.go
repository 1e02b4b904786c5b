package runner

import (
	"context"
	"time"

	"github.com/cniproof/cniproof/internal/diagnose"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// seen is what the last watch of a play saw.
type seen struct {
	line     *flow.Timeline
	expected []flow.Verdict
	since    time.Time
}

// witness gives Config.OnFailure what there is while the stage still stands. A try
// that will be repeated is no failure yet, and what was cut short is none.
func (p *play) witness(ctx context.Context, result judge.Scenario, closed bool) {
	tell := p.bench.run.cfg.OnFailure
	if tell == nil || p.bench.silent || ctx.Err() != nil || p.bench.stage == nil {
		return
	}
	failed := result.Result == judge.Fail && p.scenario.Level.Scored()
	unclear := result.Result == judge.Inconclusive && (p.again == nil || !p.again())
	if !failed && !unclear {
		return
	}
	e := diagnose.Evidence{
		Scenario: p.scenario, Result: result, Applied: p.applied, Closed: closed, Inherited: p.inherited,
		Binding: p.bench.stage.Binding(), Image: p.bench.run.cfg.Cluster.Description().AgentImage,
		Timeline: p.seen.line, Expected: p.seen.expected, Since: p.seen.since, Dialled: p.dialled,
	}
	result.Steps = append([]judge.Step(nil), result.Steps...) // the play goes on
	e.Result.Steps = result.Steps
	tell(ctx, e)
}

// witnessError is witness for a scenario that an error of the cluster ended.
func (p *play) witnessError(ctx context.Context, err error) {
	result := p.result
	result.Result, result.Reason = judge.Inconclusive, failed(p.scenario, p.bench.number, err).Reason
	p.seen = seen{} // the error came after it
	p.witness(ctx, result, false)
}
