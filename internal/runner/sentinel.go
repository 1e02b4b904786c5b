package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

const (
	// canaryStep is its name in a report.
	canaryStep = "canary: a policy in another namespace"
	// sentinels is added to the number of a stage for that of its sentinel.
	sentinels = 500
	// mostWatched is how many nodes a sentinel has a selected pod on, at the most.
	mostWatched = 8
)

// arm deploys the pods on which a canary policy will be tried when the scenario is over,
// and shows that they connect.
func (p *play) arm(ctx context.Context) error {
	if !p.scenario.Canary {
		return nil
	}
	q, err := p.sentinel()
	if err != nil {
		return err
	}
	if err := q.prepare(ctx); err != nil {
		return fmt.Errorf("deploying the pods for the canary policy: %w", err)
	}
	if err := q.aim(ctx); err != nil {
		return fmt.Errorf("finding the pods for the canary policy: %w", err)
	}
	if !q.opens(ctx) {
		return fmt.Errorf("the pods for the canary policy: %s", q.result.Reason)
	}
	return nil
}

// sentinel is a play of the preflight's scenario beside this one, on pods of its own.
func (p *play) sentinel() (*play, error) {
	r := p.bench.run
	s, err := canaryScenario()
	if err != nil {
		return nil, err
	}
	s.Topology = everywhere(squeeze(s.Topology, len(r.cfg.Cluster.Nodes())), len(r.cfg.Cluster.Nodes()))
	if p.bench.sentinel == nil {
		p.bench.sentinel = newBench(r, sentinels+p.bench.number)
		p.bench.sentinel.silent = true
	}
	b := p.bench.sentinel
	return &play{bench: b, scenario: s, flows: s.Flows(r.axes(s)), oracle: oracle.NewPlay(s), result: describe(s)}, nil
}

// everywhere adds a selected pod on each further node.
func everywhere(t scenario.Topology, nodes int) scenario.Topology {
	for n := t.NodeCount() + 1; n <= min(nodes, mostWatched); n++ {
		pod := t.Pods[slices.IndexFunc(t.Pods, func(p scenario.Pod) bool { return len(p.Ports) > 0 })]
		pod.Name, pod.Node = fmt.Sprintf("node-%d", n), n
		t.Pods = append(t.Pods, pod)
	}
	return t
}

// canary asks, while the last step's policies stand, whether a policy in another namespace
// takes effect on every node and ends with its deletion: a plugin that one object has
// thrown off its track goes on to enforce what it knew.
func (p *play) canary(ctx context.Context) error {
	if !p.scenario.Canary || p.result.Result != "" {
		return nil
	}
	p.tell(StepEvent{Name: canaryStep})
	begin := time.Now()
	q, err := p.sentinel()
	if err != nil {
		return err
	}
	result := q.bench.try(ctx, q.scenario, nil)
	step := judge.Step{
		Name: canaryStep, Control: true, Result: result.Result, Begin: begin, Took: time.Since(begin),
	}
	for _, s := range result.Steps {
		step.Rounds, step.Probes = step.Rounds+s.Rounds, step.Probes+s.Probes
	}
	switch result.Result {
	case judge.Pass:
	case judge.Fail:
		step.Reason = "the plugin has stopped acting on changes, or takes too long: in another namespace, where a policy denied everything to a pod on each node, " + result.Reason
	case judge.Inconclusive, judge.Skipped, judge.Recorded:
		step.Result = judge.Inconclusive
		step.Reason = "whether a policy in another namespace takes effect could not be told: " + result.Reason
	}
	p.result.Steps = append(p.result.Steps, step)
	p.tell(StepEvent{Name: canaryStep, Ended: &step})
	if step.Result != judge.Pass {
		p.conclude(step.Result, step.Reason)
		p.witness(ctx, p.result, false)
	}
	return nil
}
