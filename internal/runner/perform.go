package runner

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/observe"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/reading"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/probes"
)

// perform runs one scenario between two controls. One that could not be told is tried
// once more, on fresh pods; a wrong verdict never is.
func (b *bench) perform(ctx context.Context, s *scenario.Scenario) judge.Scenario {
	defer b.run.enter(s)()
	begin := time.Now()
	again := sync.OnceValue(b.run.again)
	result := b.try(ctx, s, again)
	if result.Result == judge.Inconclusive && ctx.Err() == nil && again() {
		first := result.Reason
		b.down(ctx)
		result = b.try(ctx, s, nil)
		result.FirstTry = first
	}
	result.Begin, result.Took, result.Denied = begin, time.Since(begin), denied(s, result)
	for _, step := range result.Steps {
		result.Spent.Add(step.Spent)
	}
	return result
}

// enter waits until nothing runs that the scenario would disturb, or that would
// disturb it. What it returns ends that.
func (r *run) enter(s *scenario.Scenario) (leave func()) {
	if s.Alone() {
		r.quiet.Lock()
		return r.quiet.Unlock
	}
	r.quiet.RLock()
	return r.quiet.RUnlock
}

// again reports whether a scenario may be tried once more. On a cluster that is broken
// for good that is of no use, and would take as long again.
func (r *run) again() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.retries++
	return r.retries <= fewRetries+len(r.cfg.Scenarios)/10
}

// fewRetries is how many scenarios even a short run may try once more.
const fewRetries = 4

// play is one scenario being played on a stage.
type play struct {
	bench    *bench
	scenario *scenario.Scenario
	flows    []flow.Flow
	watcher  *observe.Watcher // of steps that act
	idle     *observe.Watcher // of the same targets, in steps that do nothing
	fresh    *observe.Watcher // for the controls: it keeps no source port
	oracle   *oracle.Play
	world    *oracle.World
	before   []flow.Verdict // what the last step expected; nil: all allowed
	result   judge.Scenario
	again    func() bool // whether there will be another try, if this cannot be told; nil: no

	applied []scenario.Binding // of every step that was begun
	opened  string             // the step in which pods opened the connections that they keep; "": before the first
	stands  bool               // that step is over: nothing is opened any more
	dialled []netip.AddrPort   // one for each flow
	seen    seen
	moments []reading.Moment // one for each step that was watched

	inherited []flow.Endpoint // pods that earlier scenarios on the stage have created anew
}

// try runs the scenario once.
func (b *bench) try(ctx context.Context, s *scenario.Scenario, again func() bool) judge.Scenario {
	if reason := b.run.unfit(s); reason != "" {
		return skip(s, reason)
	}
	p := &play{bench: b, scenario: s, flows: s.Flows(b.run.axes(s)), oracle: oracle.NewPlay(s), result: describe(s), again: again}
	p.result.Stage, p.result.Flows = b.number, p.flows
	if err := p.prepare(ctx); err != nil {
		p.witnessError(ctx, err)
		b.down(ctx)
		return failed(s, b.number, err)
	}
	p.inherited = slices.Clone(b.anew)
	if reason := p.unrenderable(); reason != "" {
		return skip(s, reason)
	}
	if again != nil && b.number > 0 && !b.silent { // neither a second try nor the preflight
		b.run.cover(s, p.flows)
	}
	if err := p.perform(ctx); err != nil {
		p.witnessError(ctx, err)
		b.down(ctx)
		return failed(s, b.number, err)
	}
	return p.result
}

// prepare makes the stage fit, by new pods or by new labels.
func (p *play) prepare(ctx context.Context) error {
	b, begin := p.bench, time.Now()
	if b.fits(p.scenario.Topology) {
		defer func() { p.result.Spent.API = time.Since(begin) }()
		return b.relabel(ctx, p.scenario.Topology)
	}
	defer func() { p.result.Spent.Deploying = time.Since(begin) }()
	return b.deploy(ctx, p.scenario.Topology)
}

func (p *play) perform(ctx context.Context) error {
	if err := p.aim(ctx); err != nil {
		return err
	}
	if err := p.arm(ctx); err != nil {
		return err
	}
	if !p.opens(ctx) {
		return nil
	}
	deeds := p.scenario.Deeds()
	for i, step := range p.scenario.Steps {
		p.tell(StepEvent{Name: step.Name, Number: i + 1})
		if err := p.step(ctx, step); err != nil {
			return err
		}
		p.last().Deeds = deeds[i]
		p.tell(StepEvent{Name: step.Name, Number: i + 1, Ended: p.last()})
		if last := p.last(); last.Result != judge.Pass && last.Result != judge.Recorded {
			p.conclude(last.Result, fmt.Sprintf("step %q: %s", last.Name, last.Reason))
			p.witness(ctx, p.result, false)
			break
		}
	}
	if err := p.canary(ctx); err != nil {
		return err
	}
	p.close(ctx)
	switch {
	case p.result.Result != "":
	case p.hollow():
		p.result.Result, p.result.Reason = judge.Skipped, "on the axes that were chosen nothing was to be denied that could be tried, so that it would prove nothing"
	default:
		p.conclude(judge.Pass, "")
	}
	return nil
}

// tell reports a step that begins or has ended.
func (p *play) tell(e StepEvent) {
	if p.bench.silent {
		return
	}
	e.Scenario, e.Of = p.scenario.Name, len(p.scenario.Steps)
	p.bench.run.tell(Event{Step: &e, Stage: p.bench.number})
}

// aim makes the watcher anew, which is due whenever addresses or agents changed.
func (p *play) aim(ctx context.Context) error {
	targets, err := p.bench.targets(ctx, p.flows)
	if err != nil {
		return err
	}
	for i := range targets {
		if targets[i].Kind == probes.KindOpen {
			targets[i].Keep, targets[i].Stands = p.nameOf(targets[i])+p.opened, p.stands
		}
	}
	p.fresh = p.bench.run.pool.NewWatcher(targets)
	p.watcher, p.idle = p.fresh, p.fresh
	switch port := p.scenario.Topology.SourcePort; {
	case port.Number() != 0:
		p.watcher = p.bench.run.pool.NewWatcher(p.fromPort(targets, true))
		p.idle = p.bench.run.pool.NewWatcher(p.fromPort(targets, false))
	case port != scenario.FreshPort:
		p.watcher = p.bench.run.pool.NewWatcher(p.keepPorts(targets))
		p.idle = p.watcher
	}
	p.dialled = make([]netip.AddrPort, len(targets))
	for i, t := range targets {
		p.dialled[i] = t.Address
	}
	return nil
}

// nameOf is the target's name to its agent: no other scenario's target has it.
func (p *play) nameOf(t observe.Target) string { return p.scenario.Name + ": " + t.Flow.String() }

// keepPorts has each target dialled from one source port, for as long as the topology says.
func (p *play) keepPorts(targets []observe.Target) []observe.Target {
	kept := slices.Clone(targets)
	for i := range kept {
		kept[i].Keep = p.nameOf(kept[i])
		kept[i].Renew = p.scenario.Topology.SourcePort == scenario.KeptPort
	}
	return kept
}

// fromPort has each target dialled from the port that it has in steps that act, or in those
// that do nothing.
func (p *play) fromPort(targets []observe.Target, acts bool) []observe.Target {
	given := slices.Clone(targets)
	for i := range given {
		given[i].FromPort = p.scenario.Topology.SourcePort.Of(given[i].Flow, acts)
	}
	return given
}

// conclude sets the scenario's result; what no specification settles is recorded,
// whatever was seen.
func (p *play) conclude(r judge.Result, reason string) {
	if (r == judge.Pass || r == judge.Fail) && !p.scenario.Level.Scored() {
		r = judge.Recorded
	}
	p.result.Result, p.result.Reason = r, reason
}

func (p *play) last() *judge.Step { return &p.result.Steps[len(p.result.Steps)-1] }

// step acts, computes what must follow, watches and judges.
func (p *play) step(ctx context.Context, step scenario.Step) error {
	applied := p.bench.stage.Binding()
	p.applied = append(p.applied, applied)
	if len(step.Acts) > 0 {
		p.bench.proved = false
	}
	guard, err := p.guard(ctx, step)
	if err != nil {
		return fmt.Errorf("step %q: %w", step.Name, err)
	}
	defer guard.leave()
	begin := time.Now()
	eager, err := p.eager(ctx, step)
	if err != nil {
		return fmt.Errorf("step %q: %w", step.Name, err)
	}
	since, err := p.bench.stage.Act(ctx, step)
	p.result.Spent.API += since.Sub(begin)
	if err != nil {
		return fmt.Errorf("step %q: %w", step.Name, err)
	}
	if err := errors.Join(p.lives(ctx, step), p.open(ctx, step)); err != nil {
		return fmt.Errorf("step %q: %w", step.Name, err)
	}
	p.world, err = p.oracle.Next(applied, p.bench.stage.Binding())
	if err != nil {
		return fmt.Errorf("step %q: computing what must follow: %w", step.Name, err)
	}
	expected, err := p.expect(step)
	if err != nil {
		return fmt.Errorf("step %q: %w", step.Name, err)
	}
	debuts := eager.collect(ctx, step, expected, since)
	if debuts != nil {
		since = time.Now() // nothing changes any more
	}
	goal := p.goal(step, expected, since)
	watcher := p.watcher
	if len(step.Acts) == 0 {
		watcher = p.idle
	}
	result := p.watch(ctx, watcher, goal)
	result.Name, result.Source = step.Name, step.Source
	p.bench.run.learner.learn(step, &result)
	p.explain(result.Cells)
	p.read(&result, step, p.world)
	guard.judge(&result, p.flows)
	result.AddDebuts(debuts, goal.Within)
	p.lingered(ctx, &result)
	p.readPassing(&result)
	p.before = expected
	p.result.Steps = append(p.result.Steps, result)
	return nil
}

// open has the connections that pods keep opened anew where the step says so, and never
// after it: one that its agent has lost must not be taken for one that stands.
func (p *play) open(ctx context.Context, step scenario.Step) error {
	switch {
	case step.Open:
		p.opened, p.stands = " since "+step.Name, false
	case p.opened != "" && !p.stands:
		p.stands = true
	default:
		return nil
	}
	return p.aim(ctx)
}

// watch watches until the goal has enough, and judges.
func (p *play) watch(ctx context.Context, watcher *observe.Watcher, goal judge.Goal) judge.Step {
	p.seen = seen{line: watcher.Watch(ctx, goal.Next), expected: goal.Expected, since: goal.Since}
	return judge.Judge(goal, p.seen.line)
}

// expect asks both witnesses, the author and the oracle, who must agree on this
// very cluster: its real addresses may give a policy another meaning.
func (p *play) expect(step scenario.Step) ([]flow.Verdict, error) {
	expected := make([]flow.Verdict, len(p.flows))
	for i, f := range p.flows {
		if p.nameless(f) {
			expected[i] = flow.Undefined
			continue
		}
		written, computed := step.Expect.Verdict(f), p.world.Expect(f)
		if written != computed {
			return nil, fmt.Errorf("not judged: the file says %s for %s, the policies mean %s on this cluster (%s)",
				written, f, computed, p.world.Explain(f).Short())
		}
		expected[i] = written
	}
	return expected, nil
}

// looks is how many rounds the hold that a step asks for has time for: what lasts but a
// moment, and comes again, is to be seen.
const looks = 40

func (p *play) goal(step scenario.Step, expected []flow.Verdict, since time.Time) judge.Goal {
	pace := p.bench.run.paceNow()
	g := judge.Goal{Expected: expected, Before: p.before, Since: since, Within: pace.within, Hold: pace.hold, Rounds: settledRounds}
	if len(step.Acts) == 0 {
		g.Rounds, g.Hold = 1, 0 // nothing changed that could change back
	}
	if step.Within > 0 {
		g.Within = step.Within
	}
	if len(step.Acts) > 0 {
		g.Settle = p.bench.run.learner.settle(g.Within)
	}
	if step.Hold > 0 {
		g.Hold, g.Every = step.Hold, step.Hold/looks
	}
	return g
}

func (p *play) explain(cells []judge.Cell) {
	for i := range cells {
		if cells[i].Wrong() {
			cells[i].Explanation = p.world.Explain(cells[i].Flow).Short()
		}
	}
}

// unrenderable says why the scenario's policies have no meaning on this cluster, or "".
func (p *play) unrenderable() string {
	binding := p.bench.stage.Binding()
	for m := range p.scenario.Manifests() {
		if _, err := m.Render(binding); errors.Is(err, scenario.ErrNoAddress) {
			return err.Error()
		}
	}
	return ""
}
