// Package runner strings the stages of a run together: it is the one package that
// knows both what must happen (scenario, oracle, judge) and what does (deploy,
// observe, cluster). The command line and the Ginkgo suites call it.
package runner

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/deploy"
	"github.com/cniproof/cniproof/internal/diagnose"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/observe"
	"github.com/cniproof/cniproof/internal/promise"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Config is what to run and how.
type Config struct {
	Cluster   cluster.Cluster
	Scenarios []*scenario.Scenario
	// ID is part of the names of everything that the run creates; "" draws one, which
	// tells it from any other run on the cluster.
	ID string
	// Parallel is the number of stages; at least 1.
	Parallel int
	// Seed orders the scenarios: the same seed, the same order.
	Seed uint64
	// Within and Hold replace the cluster's pace where they are not 0. A step of a
	// scenario that sets its own keeps it.
	Within, Hold time.Duration
	// FailFast begins no scenario after the first one that failed.
	FailFast bool
	// Keep leaves what was deployed last on every stage where it is.
	Keep bool
	// Axes are those along which flows are tried; the zero value chooses the default.
	Axes scenario.Choice
	// Promises are what is to be tried of each behaviour, where the scenarios are those of
	// the library; nil for others.
	Promises []promise.Row
	// OnFailure is told of every scenario that failed or could not be told, while its
	// stage stands as it stood then; that stage waits for it to return. May be nil; is
	// called by several stages at once.
	OnFailure func(context.Context, diagnose.Evidence)
	// Progress is told what goes on, by one call at a time; may be nil.
	Progress func(Event)
}

// Event is one thing that a person waiting wants to know. Exactly one of its
// pointers is set.
type Event struct {
	Preflight *judge.Preflight
	Started   *scenario.Scenario
	Step      *StepEvent
	Ended     *judge.Scenario
	// Stage is the number of the stage that it is about; 0 is the preflight's.
	Stage int
	// Done of Total scenarios have ended, this one included.
	Done, Total int
}

// StepEvent is a step, or a control, that begins or has ended.
type StepEvent struct {
	Scenario, Name string
	Number, Of     int         // of the scenario's own steps; Number is 0 for a control
	Ended          *judge.Step // nil: it begins
}

// settled rounds in a row make a table count as reached.
const settledRounds = 2

// hopeless replaces Within once the preflight has shown that nothing is enforced:
// waiting longer for each scenario would only say the same later.
const hopeless = 500 * time.Millisecond

// Run runs the scenarios. It always returns what it has: when the context ends,
// the rest is reported as skipped; when the cluster breaks, Run.Err says so.
func Run(ctx context.Context, cfg Config) *judge.Run {
	r := newRun(cfg)
	defer r.pool.Close()
	r.run(ctx)
	return r.end(ctx)
}

func newRun(cfg Config) *run {
	cfg.ID = cmp.Or(cfg.ID, drawID())
	r := &run{
		cfg:     cfg,
		pace:    pace{within: cfg.Within, hold: cfg.Hold},
		pool:    observe.NewPool(cfg.Cluster.Attach),
		covered: map[promise.Value]*judge.AxisCount{},
		result: &judge.Run{
			Begin: time.Now(), Seed: cfg.Seed, Parallel: cfg.Parallel,
		},
	}
	if r.pace.within == 0 {
		r.pace.within = cfg.Cluster.Description().Pace.Within
	}
	if r.pace.hold == 0 {
		r.pace.hold = cfg.Cluster.Description().Pace.Hold
	}
	r.queue = newQueue(shuffled(cfg.Scenarios, cfg.Seed))
	return r
}

func drawID() string {
	b := make([]byte, 3)
	_, _ = crand.Read(b) // never fails, by its documentation
	return hex.EncodeToString(b)
}

func (r *run) end(ctx context.Context) *judge.Run {
	r.result.Axes = r.coverage()
	r.result.Promises = judge.Promises(r.cfg.Promises, r.values(), r.result.Scenarios)
	r.result.Took = time.Since(r.result.Begin)
	r.result.Interrupted = ctx.Err() != nil
	return r.result
}

func shuffled(list []*scenario.Scenario, seed uint64) []*scenario.Scenario {
	order := append([]*scenario.Scenario(nil), list...)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] }) //nolint:gosec // an order, not a secret
	return order
}

// pace is the run's timing of steps.
type pace struct{ within, hold time.Duration }

type run struct {
	cfg     Config
	pace    pace
	pool    *observe.Pool
	queue   *queue
	learner learner

	quiet sync.RWMutex // locked by a scenario that has to run alone

	mu      sync.Mutex // guards covered, result and retries, and serialises Progress
	covered map[promise.Value]*judge.AxisCount
	result  *judge.Run
	retries int // scenarios that were, or should have been, tried once more
}

func (r *run) run(ctx context.Context) {
	if len(r.cfg.Scenarios) == 0 {
		return
	}
	r.preflight(ctx)
	var group sync.WaitGroup
	for n := 1; n <= max(1, min(r.cfg.Parallel, len(r.cfg.Scenarios))); n++ {
		group.Go(func() { r.work(ctx, n) })
	}
	group.Wait()
	for _, s := range r.queue.rest() {
		r.ended(skip(s, "not run: "+r.whyStopped(ctx)))
	}
}

func (r *run) whyStopped(ctx context.Context) string {
	if ctx.Err() != nil {
		return "interrupted"
	}
	return "an earlier scenario failed (--fail-fast)"
}

// work is one stage: it takes scenario after scenario until none is left.
func (r *run) work(ctx context.Context, number int) {
	b := newBench(r, number)
	defer b.leave(ctx)
	for ctx.Err() == nil {
		s := r.queue.take(number, b.shape())
		if s == nil {
			return
		}
		r.tell(Event{Started: s, Stage: number})
		result := b.perform(ctx, s)
		if ctx.Err() != nil { // whatever it came to was cut short
			result = skip(s, "not finished: interrupted")
		}
		r.ended(result)
		if r.cfg.FailFast && result.Result == judge.Fail {
			r.queue.close()
		}
	}
}

func (r *run) ended(s judge.Scenario) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Scenarios = append(r.result.Scenarios, s)
	r.tellLocked(Event{Ended: &s, Stage: s.Stage, Done: len(r.result.Scenarios), Total: len(r.cfg.Scenarios)})
}

func (r *run) tell(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tellLocked(e)
}

func (r *run) tellLocked(e Event) {
	if r.cfg.Progress != nil {
		r.cfg.Progress(e)
	}
}

// describe is a result without any verdict yet.
func describe(s *scenario.Scenario) judge.Scenario {
	return judge.Scenario{
		Name: s.Name, Topic: s.Topic, File: s.File, Summary: s.Summary, Level: s.Level,
		Features: s.Features, Refs: s.Refs, Begin: time.Now(),
	}
}

func skip(s *scenario.Scenario, reason string) judge.Scenario {
	result := describe(s)
	result.Result, result.Reason = judge.Skipped, reason
	return result
}

// failed is an infrastructure failure, which is no verdict.
func failed(s *scenario.Scenario, stage int, err error) judge.Scenario {
	result := describe(s)
	result.Stage, result.Result, result.Reason = stage, judge.Inconclusive, fmt.Sprintf("the cluster failed: %v", err)
	if errors.Is(err, deploy.ErrNoReuse) {
		result.Reason = fmt.Sprintf("not judged: %v", err)
	}
	return result
}
