package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// The names of the controls in a report.
const (
	openingControl = "control before: no policy"
	closingControl = "control after: no policy"
)

// opens shows that every flow connects while there is no policy, which is what a
// later denial is held against. It returns false, with the scenario concluded,
// where that cannot be shown. A scenario whose stage was proved by the scenario
// before needs no other.
func (p *play) opens(ctx context.Context) bool {
	if p.bench.proved {
		return true
	}
	control := p.control(ctx, openingControl, time.Now())
	p.result.Steps = append(p.result.Steps, control)
	if control.Result == judge.Pass {
		p.bench.proved = true
		return true
	}
	p.last().Result = judge.Inconclusive
	p.conclude(judge.Inconclusive, "not judged: without any policy, "+control.Reason)
	p.witness(ctx, p.result, false)
	p.bench.down(ctx)
	return false
}

// control watches until every flow has connected once, each time from a fresh source port.
func (p *play) control(ctx context.Context, name string, since time.Time) judge.Step {
	return p.controlOf(ctx, name, since, func(flow.Flow) bool { return true })
}

// controlOf is control for those of the flows that a test selects.
func (p *play) controlOf(ctx context.Context, name string, since time.Time, wanted func(flow.Flow) bool) judge.Step {
	p.tell(StepEvent{Name: name})
	goal := judge.Goal{
		Expected: make([]flow.Verdict, len(p.flows)),
		Before:   p.before,
		Since:    since,
		Within:   p.bench.run.cfg.Cluster.Description().Pace.Within,
		Rounds:   1,
	}
	for i := range goal.Expected {
		goal.Expected[i] = flow.Allow
		if p.flows[i].Unsettled() || p.scenario.Topology.OnHost(p.flows[i]) || !wanted(p.flows[i]) {
			goal.Expected[i] = flow.Undefined
		}
	}
	step := p.watch(ctx, p.fresh, goal)
	step.Name, step.Control = name, true
	p.tell(StepEvent{Name: name, Ended: &step})
	return step
}

// close takes the policies away and shows that every flow connects again: only then
// was a denial the policy's doing. Where flows stay closed, fresh pods tell whether
// the implementation kept a policy that is gone, or the cluster is broken.
func (p *play) close(ctx context.Context) {
	if ctx.Err() != nil || p.closed() {
		return
	}
	begin := time.Now()
	since, err := p.bench.stage.Reset(ctx, p.scenario.Topology)
	if err == nil && !p.farewell(ctx, since) {
		p.bench.down(ctx)
		return
	}
	if err == nil {
		since, err = p.revive(ctx, since)
	}
	p.result.Spent.API += since.Sub(begin)
	if err != nil {
		p.conclude(judge.Inconclusive, fmt.Sprintf("the cluster failed: %v", err))
		p.bench.down(ctx)
		return
	}
	control := p.control(ctx, closingControl, since)
	p.readClosing(&control)
	p.result.Steps = append(p.result.Steps, control)
	if control.Result == judge.Pass {
		p.bench.proved = true
		return
	}
	p.notRevoked(ctx, control)
	p.bench.down(ctx)
}

// closed reports whether the scenario's last step was the closing control: it has
// left no policy and no label, and every flow connected.
func (p *play) closed() bool {
	last := p.last()
	if p.result.Result != "" || last.Result != judge.Pass || last.Allowed != len(p.flows) || !p.bench.stage.Pristine() {
		return false
	}
	p.bench.proved = true
	return true
}

func (p *play) notRevoked(ctx context.Context, control judge.Step) {
	if p.result.Result != "" {
		return
	}
	stuck := p.result // fresh pods take the place of these: what there is to see is seen now
	stuck.Result, stuck.Reason = control.Result, "after every policy was deleted, "+control.Reason
	p.witness(ctx, stuck, true)
	if control.Result == judge.Fail && p.freshPodsConnect(ctx) {
		p.conclude(judge.Fail, fmt.Sprintf("after every policy was deleted, %s; fresh pods connect", control.Reason))
		return
	}
	p.last().Result = judge.Inconclusive
	p.conclude(judge.Inconclusive, fmt.Sprintf("not judged: after every policy was deleted, %s, and so it is with fresh pods", control.Reason))
}

func (p *play) freshPodsConnect(ctx context.Context) bool {
	if err := p.bench.deploy(ctx, p.scenario.Topology); err != nil {
		return false
	}
	if err := p.aim(ctx); err != nil {
		return false
	}
	return p.control(ctx, openingControl, time.Now()).Result == judge.Pass
}
