package runner

import (
	"context"
	"embed"
	"fmt"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

//go:embed preflight.yaml
var preflightFS embed.FS

// preflight asks, before anything else, whether the implementation enforces
// policies at all: a cluster without enforcement accepts every policy.
func (r *run) preflight(ctx context.Context) {
	report := r.canary(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Preflight = report
	if report.Result == judge.Fail && !report.Enforced {
		r.pace.within = min(r.pace.within, hopeless)
	}
	r.tellLocked(Event{Preflight: &report})
}

// toothless reports whether the preflight has shown that nothing is enforced.
func (r *run) toothless() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.result.Preflight.Result == judge.Fail && !r.result.Preflight.Enforced
}

// paceNow is the pace after the preflight's correction.
func (r *run) paceNow() pace {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pace
}

func (r *run) canary(ctx context.Context) judge.Preflight {
	s, err := canaryScenario()
	if err != nil {
		return judge.Preflight{Result: judge.Inconclusive, Message: fmt.Sprintf("the preflight could not be loaded: %v", err)}
	}
	s.Topology = squeeze(s.Topology, len(r.cfg.Cluster.Nodes()))
	b := newBench(r, 0)
	defer b.down(ctx)
	result := b.perform(ctx, s)
	return assess(result)
}

// canaryScenario is one deny-all policy.
func canaryScenario() (*scenario.Scenario, error) {
	list, err := scenario.Load(preflightFS, "preflight.yaml")
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// squeeze fits a topology onto a cluster with fewer nodes.
func squeeze(t scenario.Topology, nodes int) scenario.Topology {
	for i := range t.Pods {
		t.Pods[i].Node = min(t.Pods[i].Node, max(nodes, 1))
	}
	return t
}

// assess turns the canary's result into words.
func assess(s judge.Scenario) judge.Preflight {
	p := judge.Preflight{Result: s.Result, Enforced: true}
	switch s.Result {
	case judge.Pass:
		p.Message = "a default-deny policy took effect on every node, and ended with its deletion"
	case judge.Fail:
		p.Enforced = anyDenied(s)
		p.Message = "policies are enforced, but not rightly: " + s.Reason
		if !p.Enforced {
			p.Message = "NOTHING IS ENFORCED: the cluster accepts NetworkPolicies and does not act on them. " +
				"Install a network plugin that enforces them; every scenario that denies something will fail."
		}
	case judge.Inconclusive, judge.Skipped, judge.Recorded:
		p.Message = "could not tell whether policies are enforced: " + s.Reason
	}
	return p
}

// anyDenied reports whether a flow was denied that had to be. A step that passed has
// no cells, and needs none: all its flows were as expected.
func anyDenied(s judge.Scenario) bool {
	for _, step := range s.Steps {
		if step.Result == judge.Pass && step.Denied > 0 {
			return true
		}
		for _, c := range step.Cells {
			if c.Expected == flow.Deny && c.Observed == flow.Deny {
				return true
			}
		}
	}
	return false
}

// trouble notes an infrastructure failure that does not belong to a scenario.
func (r *run) trouble(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.result.Err == "" {
		r.result.Err = err.Error()
	}
}
