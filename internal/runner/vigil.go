package runner

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/observe"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/internal/vigil"
)

//go:embed watch.yaml
var watchFS embed.FS

// Vigil is what to watch, and how.
type Vigil struct {
	Cluster cluster.Cluster
	// Scenario whose table is held; see Canonical.
	Scenario *scenario.Scenario
	// Step is the step that is held, counted from 1; 0 stands for the one that denies
	// most.
	Step int
	// ID is part of the names of everything that is created.
	ID string
	// Interval is how often every flow is tried.
	Interval time.Duration
	// Keep leaves what was deployed.
	Keep bool
	// Restart restarts the CNI's agents so long after the begin; 0: never.
	Restart time.Duration
	// Enough returns when the watch is to end. It is called when the watch begins.
	Enough func(ctx context.Context) *vigil.Command
	// Say takes a line about what goes on.
	Say func(string)
	// Begun is called once, with a way to look on; the watch is over after Watch.
	Begun func(look func(columns int) Sight)
}

// Sight is how a watch looks now.
type Sight struct {
	Rows    []vigil.Row
	Counts  vigil.Counts
	Windows []vigil.Window // that are open
}

// Canonical is the scenario that is watched where nobody chose another.
func Canonical() (*scenario.Scenario, error) {
	list, err := scenario.Load(watchFS, "watch.yaml")
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// Watch brings a scenario to a step, holds it there and watches every flow until it
// has been enough, or ctx ends: that ends it in good order, too. It always returns a
// report.
func Watch(ctx context.Context, cfg Vigil) *vigil.Report {
	r := newRun(Config{Cluster: cfg.Cluster, ID: cfg.ID, Keep: cfg.Keep})
	defer r.pool.Close()
	r.pace.hold = time.Millisecond // the watch itself is the hold
	v := &watch{cfg: cfg, run: r, bench: newBench(r, 1)}
	defer v.bench.leave(ctx)
	report := v.settle(ctx)
	if report == nil {
		report = v.watch(ctx)
	}
	report.Interrupted = ctx.Err() != nil
	report.Interval, report.Step = cfg.Interval, v.held
	return report
}

// watch is one Watch under way.
type watch struct {
	cfg      Vigil
	run      *run
	bench    *bench
	play     *play
	held     string // the step's name
	expected []flow.Verdict

	mu       sync.Mutex // guards the rest
	recorder *vigil.Recorder
	lines    *vigil.Lines
	events   []vigil.Event
}

func couldNot(format string, args ...any) *vigil.Report {
	return &vigil.Report{Trouble: fmt.Sprintf(format, args...)}
}

// settle brings the flows to where they are held. It returns a report where that
// cannot be done.
func (v *watch) settle(ctx context.Context) *vigil.Report {
	s := v.cfg.Scenario
	if reason := v.run.unfit(s); reason != "" {
		return couldNot("scenario %s cannot be watched on this cluster: it %s", s.Name, reason)
	}
	number, err := v.step()
	if err != nil {
		return couldNot("choosing the step to hold: %v", err)
	}
	v.held = s.Steps[number-1].Name
	v.play = &play{bench: v.bench, scenario: s, flows: s.Flows(v.run.axes(s)), oracle: oracle.NewPlay(s), result: describe(s)}
	v.cfg.Say(fmt.Sprintf("deploying %d probe pods for scenario %s", len(s.Topology.Pods), s.Name))
	if err := v.play.prepare(ctx); err != nil {
		return couldNot("deploying the probes: %v", err)
	}
	if reason := v.play.unrenderable(); reason != "" {
		return couldNot("%s", reason)
	}
	if err := v.play.aim(ctx); err != nil {
		return couldNot("finding the probes: %v", err)
	}
	if !v.play.opens(ctx) {
		return couldNot("%s", v.play.result.Reason)
	}
	for _, step := range s.Steps[:number] {
		if err := v.play.step(ctx, step); err != nil {
			return couldNot("%v", err)
		}
		last := v.play.last()
		if len(last.Flaps) > 0 { // it was reached, and what is not stable is for the watch to see
			v.cfg.Say(fmt.Sprintf("step %q: %s", last.Name, last.Reason))
			continue
		}
		if last.Result != judge.Pass {
			report := couldNot("step %q could not be held: %s (see `cniproof run`)", last.Name, last.Reason)
			report.Wrong = last.Result == judge.Fail
			return report
		}
	}
	v.expected = v.play.before
	return nil
}

// step is the number of the step that is held.
func (v *watch) step() (int, error) {
	s := v.cfg.Scenario
	if v.cfg.Step > len(s.Steps) {
		return 0, fmt.Errorf("scenario %s has %d steps", s.Name, len(s.Steps))
	}
	if v.cfg.Step > 0 {
		return v.cfg.Step, nil
	}
	binding, play := scenario.Symbolic(s.Topology), oracle.NewPlay(s)
	best, most := 1, -1
	for n := range s.Steps {
		world, err := play.Next(binding, binding)
		if err != nil {
			return 0, err
		}
		denied := 0
		for _, f := range s.Flows(v.run.axes(s)) {
			if world.Expect(f) == flow.Deny {
				denied++
			}
		}
		if denied > most {
			best, most = n+1, denied
		}
	}
	return best, nil
}

// watch watches, and then shows that all flows connect without policies: only then
// were the denials the policies' doing.
func (v *watch) watch(ctx context.Context) *vigil.Report {
	begin := time.Now()
	nodes := map[flow.Endpoint]int{}
	for _, p := range v.cfg.Scenario.Topology.Pods {
		nodes[p.Endpoint()] = p.Node
	}
	v.lines = vigil.NewLines(v.play.flows, v.expected, nodes, begin)
	v.recorder = vigil.NewRecorder(v.play.flows, v.expected, v.cfg.Interval, begin, v.lines)
	v.cfg.Begun(v.look)

	watching, enough := context.WithCancel(ctx)
	var group sync.WaitGroup
	var command *vigil.Command
	group.Go(func() {
		defer enough()
		command = v.cfg.Enough(watching)
	})
	group.Go(func() { v.restart(watching) })
	v.follow(watching)
	group.Wait()
	enough()

	report := v.sum()
	report.Command = command
	report.Trouble = v.conclude(ctx)
	report.Events = v.happened()
	return report
}

// sum ends the recorder, at which somebody may be looking.
func (v *watch) sum() *vigil.Report {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.recorder.Report(time.Now(), v.cfg.Interval)
}

func (v *watch) happened() []vigil.Event {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.events)
}

func (v *watch) look(columns int) Sight {
	v.mu.Lock()
	defer v.mu.Unlock()
	return Sight{Rows: v.lines.Rows(time.Now(), columns), Counts: v.recorder.Counts(), Windows: v.recorder.Windows()}
}

func (v *watch) event(format string, args ...any) {
	e := vigil.Event{At: time.Now(), Text: fmt.Sprintf(format, args...)}
	v.mu.Lock()
	v.events = append(v.events, e)
	v.mu.Unlock()
	v.cfg.Say(e.At.Format("15:04:05.000") + " " + e.Text)
}

func (v *watch) take(round flow.Round) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, s := range round.All() {
		v.recorder.Add(i, s)
	}
}

func (v *watch) restart(ctx context.Context) {
	if v.cfg.Restart <= 0 || !observe.Wait(ctx, v.cfg.Restart) {
		return
	}
	v.event("restarting the agents of the network plugin")
	if err := v.cfg.Cluster.RestartCNI(ctx, nil); err != nil {
		v.event("restarting the agents of the network plugin failed: %v", err)
		return
	}
	v.event("the agents of the network plugin run again")
}

// closing is how long the last control may take in all.
const closing = time.Minute

// conclude says what keeps the denials from being the policies' doing, or "".
func (v *watch) conclude(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	since, err := v.bench.stage.Reset(ctx, v.cfg.Scenario.Topology)
	if err != nil {
		return fmt.Sprintf("the policies could not be taken away at the end: %v", err)
	}
	if err := v.play.aim(ctx); err != nil {
		return fmt.Sprintf("the probes could not be found at the end: %v", err)
	}
	if control := v.play.control(ctx, closingControl, since); control.Result != judge.Pass {
		return fmt.Sprintf("after every policy was deleted at the end, %s: that denied flows stayed closed proves nothing", control.Reason)
	}
	return ""
}
