package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/latency"
	"github.com/cniproof/cniproof/internal/observe"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Latency is what to measure, and how.
type Latency struct {
	Cluster cluster.Cluster
	// ID is part of the names of everything that is created; "" draws one.
	ID string
	// Loads are measured one after another.
	Loads []LatencyLoad
	// Repeat is how often each change is made under each load.
	Repeat int
	// Interval is how often every flow is tried.
	Interval time.Duration
	// Keep leaves what was deployed last.
	Keep bool
	// Progress is told before every round of changes; may be nil.
	Progress func(LatencyProgress)
}

// LatencyProgress is how far a measurement has come. Round 0 warms up.
type LatencyProgress struct {
	Load        LatencyLoad
	Number, Of  int // of loads, counted from 1
	Round, Last int
}

const (
	// calmAtLeast is how long nothing wrong must be seen after a change.
	calmAtLeast = 200 * time.Millisecond
	// warmUp is how many times longer than others the first changes may take where the
	// implementation may still be busy with what else was put there.
	warmUp = 12
	// mostAborts is how many rounds of changes in a row may come to nothing.
	mostAborts = 3
)

// MeasureLatency measures until everything was measured, or ctx ends. It always returns
// what it has.
func MeasureLatency(ctx context.Context, cfg Latency) *latency.Run {
	r := newRun(Config{Cluster: cfg.Cluster, ID: cfg.ID, Keep: cfg.Keep})
	defer r.pool.Close()
	result := &latency.Run{Begin: time.Now(), Repeat: cfg.Repeat, Interval: cfg.Interval}
	b := newBench(r, 1)
	defer b.leave(ctx)
	for n, load := range cfg.Loads {
		if ctx.Err() != nil {
			break
		}
		g := &gauge{cfg: cfg, bench: b, progress: LatencyProgress{Load: load, Number: n + 1, Of: len(cfg.Loads), Last: cfg.Repeat}}
		result.Series = append(result.Series, g.series(ctx))
	}
	result.Took, result.Interrupted = time.Since(result.Begin), ctx.Err() != nil
	return result
}

// gauge measures under one load.
type gauge struct {
	cfg      Latency
	bench    *bench
	progress LatencyProgress

	scenario *scenario.Scenario
	play     *play
	flows    []flow.Flow
	within   time.Duration
	record   *record
	found    []latency.Measurement // of this round
}

// series makes every change again and again.
func (g *gauge) series(ctx context.Context) latency.Series {
	s := latency.Series{Policies: g.progress.Load.Policies, Peers: g.progress.Load.Peers}
	if err := g.prepare(ctx); err != nil {
		s.Trouble = err.Error()
		return s
	}
	aborted := 0
	for g.progress.Round = 0; g.progress.Round <= g.cfg.Repeat && ctx.Err() == nil; g.progress.Round++ {
		g.tell()
		list, err := g.round(ctx)
		if ctx.Err() != nil {
			break
		}
		if g.progress.Round > 0 {
			s.Measurements = append(s.Measurements, list...)
		}
		if aborted++; err == nil {
			aborted = 0
			continue
		}
		if aborted == mostAborts || g.progress.Round == 0 {
			s.Trouble = err.Error()
			s.Measurements = append(s.Measurements, kept(list, g.progress.Round)...)
			break
		}
	}
	return s
}

// kept is what a warming up came to that ended a series: that a change was never
// followed is to be said.
func kept(list []latency.Measurement, round int) []latency.Measurement {
	if round > 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(list), func(m latency.Measurement) bool { return m.Result != latency.Never })
}

func (g *gauge) tell() {
	if g.cfg.Progress != nil {
		g.cfg.Progress(g.progress)
	}
}

// prepare deploys the probes, shows that every flow connects, and puts the load there.
func (g *gauge) prepare(ctx context.Context) error {
	g.tell()
	s, err := latencyScenario(g.progress.Load)
	if err != nil {
		return err
	}
	s.Topology = squeeze(s.Topology, len(g.cfg.Cluster.Nodes()))
	if reason := g.bench.run.unfit(s); reason != "" {
		return fmt.Errorf("it cannot be measured on this cluster: it %s", reason)
	}
	g.scenario, g.flows = s, latencyFlows(s, g.cfg.Cluster.Description().Families)
	g.play = &play{bench: g.bench, scenario: s, flows: g.flows, oracle: oracle.NewPlay(s), result: describe(s)}
	if err := g.play.prepare(ctx); err != nil {
		return fmt.Errorf("deploying the probes: %w", err)
	}
	if err := g.play.aim(ctx); err != nil {
		return err
	}
	if !g.play.opens(ctx) {
		return errors.New(g.play.result.Reason)
	}
	_, err = g.bench.stage.Act(ctx, s.Steps[0])
	return err
}

// round makes every change once. Its error says why it came to an early end; the flows
// are all open again even then.
func (g *gauge) round(ctx context.Context) ([]latency.Measurement, error) {
	g.found, g.within = nil, g.bench.run.pace.within
	if g.progress.Round == 0 && g.progress.Load != (LatencyLoad{}) {
		g.within *= warmUp
	}
	err := g.changes(ctx)
	for i := range g.found {
		g.found[i].Repeat = g.progress.Round
	}
	if err != nil && ctx.Err() == nil {
		err = errors.Join(err, g.reopen(ctx))
	}
	return latency.Bracket(g.found), err
}

// changes follows the steps of the scenario.
func (g *gauge) changes(ctx context.Context) error {
	play := oracle.NewPlay(g.scenario)
	binding := g.bench.stage.Binding()
	if _, err := play.Next(binding, binding); err != nil {
		return err
	}
	if err := g.follow(ctx); err != nil {
		return err
	}
	defer func() { g.record.end() }()
	before := g.all(flow.Allow)
	for _, step := range g.scenario.Steps[1:] {
		if err := g.await(ctx, before); err != nil {
			return fmt.Errorf("before the change %q: %w", step.Name, err)
		}
		world, since, err := g.act(ctx, play, step)
		if err != nil {
			return fmt.Errorf("change %q: %w", step.Name, err)
		}
		expected, err := g.expected(step, world)
		if err != nil {
			return fmt.Errorf("change %q: %w", step.Name, err)
		}
		m := g.measure(ctx, step, since, arrived(step, g.flows, before), expected)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		g.found = append(g.found, m)
		if m.Result == latency.Never {
			return fmt.Errorf("%s: %s", m.Change, m.Reason)
		}
		before = expected
	}
	return nil
}

func (g *gauge) all(v flow.Verdict) []flow.Verdict {
	return slices.Repeat([]flow.Verdict{v}, len(g.flows))
}

// arrived is what holds before a step, where flows of pods that it recreates have yet to open.
func arrived(step scenario.Step, flows []flow.Flow, before []flow.Verdict) []flow.Verdict {
	list := slices.Clone(before)
	for i, f := range flows {
		if slices.Contains(step.Recreated(), f.Source) && f.Destination != latencyControl() {
			list[i] = flow.Deny
		}
	}
	return list
}

// act carries a step out and returns what then holds, and when the API answered.
func (g *gauge) act(ctx context.Context, play *oracle.Play, step scenario.Step) (*oracle.World, time.Time, error) {
	if len(step.Recreated()) > 0 {
		g.record.end()
	}
	applied := g.bench.stage.Binding()
	g.record.forget()
	observe.Wait(ctx, rand.N(g.cfg.Interval)) // else every change would come at one time of the interval
	since, err := g.bench.stage.Act(ctx, step)
	if err != nil {
		return nil, since, err
	}
	if len(step.Recreated()) > 0 {
		if err := errors.Join(g.bench.recreated(ctx, step.Recreated()), g.follow(ctx)); err != nil {
			return nil, since, err
		}
	}
	world, err := play.Next(applied, g.bench.stage.Binding())
	return world, since, err
}

// expected asks both witnesses, who must agree on this very cluster.
func (g *gauge) expected(step scenario.Step, world *oracle.World) ([]flow.Verdict, error) {
	g.play.world = world
	return g.play.expect(step)
}

// measure waits until enough was seen of a change.
func (g *gauge) measure(ctx context.Context, step scenario.Step, since time.Time, before, expected []flow.Verdict) latency.Measurement {
	s := g.step(since, before, expected)
	s.Change = changeOf(step)
	line := g.record.until(ctx, 2*g.within+patience, s.Enough)
	return s.Measure(line)
}

// patience is how long beyond twice the time for a change anything is waited for.
const patience = 10 * time.Second

func (g *gauge) step(since time.Time, before, expected []flow.Verdict) latency.Step {
	s := latency.Step{Before: before, Expected: expected, Since: since, Within: g.within}
	s.Calm = max(calmAtLeast, g.bench.run.pace.hold)
	for i, f := range g.flows {
		if f.Destination == latencyControl() {
			s.Controls = append(s.Controls, i)
		}
	}
	return s
}

// await returns when every flow shows what holds before a change.
func (g *gauge) await(ctx context.Context, verdicts []flow.Verdict) error {
	s := g.step(time.Time{}, verdicts, verdicts)
	if line := g.record.until(ctx, 2*g.within, s.Holds); s.Holds(line) {
		return nil
	}
	return cmp.Or(ctx.Err(), fmt.Errorf("the flows were not as before for %s within %s", s.Calm, 2*g.within))
}

// reopen takes back what an unfinished round of changes left.
func (g *gauge) reopen(ctx context.Context) error {
	team := "guests"
	_, err := g.bench.stage.Act(ctx, scenario.Step{Times: 1, Acts: []scenario.Act{{
		Delete: []scenario.PolicyKey{{Namespace: "servers", Name: "guests"}, {Namespace: "servers", Name: "isolated"}},
		Label: []scenario.LabelChange{
			{Namespace: "guests", Labels: map[string]*string{"team": &team}},
			{Namespace: "guests", Pod: "second", Labels: map[string]*string{"badge": nil}},
		},
	}}})
	if err != nil {
		return err
	}
	if err := g.follow(ctx); err != nil {
		return err
	}
	defer g.record.end()
	return g.await(ctx, g.all(flow.Allow))
}

// follow begins to try the flows.
func (g *gauge) follow(ctx context.Context) error {
	targets, err := g.bench.targets(ctx, g.flows)
	if err != nil {
		return err
	}
	g.record = newRecord(ctx, g.bench.run.pool, targets, g.cfg.Interval)
	return nil
}
