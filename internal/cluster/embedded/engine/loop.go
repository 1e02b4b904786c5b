package engine

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// restBetween is the least time from one programming to the next, so that a
	// burst of events is programmed at once.
	restBetween = 2 * time.Millisecond
	// retryProgramming is how long the engine rests when the kernel refuses the rules.
	retryProgramming = 100 * time.Millisecond

	flapEvery = 400 * time.Millisecond
	flapFor   = 60 * time.Millisecond
)

// Run enforces until ctx ends; it must be called once. The rules stay in the kernel
// when it returns. It fails only when the API cannot be read at the start.
func (e *Engine) Run(ctx context.Context) error {
	defer close(e.ended)
	var restart request
	for life := 0; ; life++ {
		l := newLoop(e, life)
		next, err := l.run(ctx, restart)
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, e.close())
		}
		restart = next
		restart.failed = e.absent(ctx, next)
		e.left = l.store
	}
}

// absent is the time in which the engine is killed and not yet started again. It returns
// how what was asked for meanwhile failed.
func (e *Engine) absent(ctx context.Context, asked request) error {
	switch {
	case e.faults.Has(RestartFailsOpen):
		e.turn(ajar)
	case e.faults.Has(RestartFailsClosed):
		e.turn(shut)
	}
	var err error
	if asked.meanwhile != nil {
		err = asked.meanwhile(asked.ctx)
	}
	select {
	case <-time.After(e.away):
	case <-ctx.Done():
	}
	return err
}

// loop is the engine from one restart to the next.
type loop struct {
	*Engine
	life     int // counts restarts
	store    *store
	modeller *modeller
	source   *source

	last     time.Time         // of programming
	failed   bool              // to program
	poisoned bool              // nothing is programmed any more
	labelled map[key]time.Time // objects, by what only a faulty engine keeps
}

func newLoop(e *Engine, life int) *loop {
	e.forget()
	return &loop{
		Engine: e, life: life,
		store: newStore(e.faults), modeller: newModeller(e.faults), labelled: map[key]time.Time{},
	}
}

// run works until the context ends or a restart is asked for, which it returns.
// It answers the request that started it when the rules are what the API wants.
func (l *loop) run(ctx context.Context, starting request) (request, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	source, err := openSource(ctx, l.client, l.logf)
	if err != nil {
		return request{}, err
	}
	defer source.wait()
	defer cancel()
	l.source = source
	err = l.begin()
	if starting.done != nil {
		starting.done <- errors.Join(starting.failed, err)
	}
	return l.serve(ctx), nil
}

// begin programs what the API holds.
func (l *loop) begin() error {
	for _, e := range l.source.take() {
		if e, ok := l.remembered(e); ok {
			l.store.apply(e)
		}
	}
	l.lookBack()
	err := errors.Join(l.program(), l.cutOff(l.life > 0, RestartCutsConnections))
	l.poisoned = l.life > 0 && l.faults.Has(RestartDeaf) || l.isPoisonous()
	return err
}

// serve reacts to events and requests.
func (l *loop) serve(ctx context.Context) request {
	timer := l.begun()
	defer timer.Stop()
	flaps := l.flaps()
	defer flaps.Stop()
	ages := l.ages()
	defer ages.Stop()
	paused := false
	for {
		select {
		case <-l.source.ready:
			timer.Reset(l.rests())
		case <-timer.C:
			if l.catchUp() != nil {
				timer.Reset(retryProgramming)
			}
		case r := <-l.requests:
			if r.restart {
				return r
			}
			r.done <- l.sync(ctx, r.ctx)
		case <-ages.C:
			if l.store.age(time.Now()) {
				l.failed = true // so that it is programmed, though there is no event
				timer.Reset(0)
			}
			if l.wear() != nil {
				timer.Reset(retryProgramming)
			}
		case <-flaps.C:
			paused = !paused
			l.turn(map[bool]door{true: ajar, false: judging}[paused])
			flaps.Reset(flapLength(paused))
		case <-ctx.Done():
			return request{}
		}
	}
}

// begun ticks at once when the beginning has failed. Otherwise whatever comes waits until
// its time: a slow engine would be quick for what comes first.
func (l *loop) begun() *time.Timer {
	t := time.NewTimer(0)
	if !l.failed {
		t.Stop()
	}
	return t
}

// sync programs everything that the API holds.
func (l *loop) sync(ctx, asked context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(asked, func() { cancel(context.Cause(asked)) })()
	if err := l.source.settle(ctx); err != nil {
		return err
	}
	return l.catchUp()
}

// catchUp takes the events of the queue in and programs what they change.
func (l *loop) catchUp() error {
	events := l.source.take()
	if l.poisoned {
		return nil
	}
	changed, policies, updated, deleted := l.failed, false, false, false
	for _, e := range events {
		l.note(e)
		if l.deafTo(e) || l.hasty(e) || !l.store.apply(e) {
			continue
		}
		changed = true
		policies = policies || isPolicy(e)
		updated = updated || isPolicy(e) && e.kind == watch.Modified
		deleted = deleted || isPolicy(e) && e.kind == watch.Deleted
	}
	if !changed {
		return nil
	}
	l.waver(updated, deleted)
	err := errors.Join(l.program(), l.cutOff(policies, ConnectionsCutOnChange))
	l.poisoned = l.isPoisonous()
	return err
}

func (l *loop) isPoisonous() bool {
	return l.faults.Has(PoisonedByIPv6Block) && l.store.hasIPv6Block() || l.faults.Has(Poisoned) && l.store.hasLongName()
}

// program makes the nodes enforce what the store holds.
func (l *loop) program() error {
	started := time.Now()
	wanted := programs(l.modeller.model(l.store), l.faults)
	modelled := time.Since(started)
	var group errgroup.Group
	steps := make([]int, len(l.nodes))
	for i, n := range l.nodes {
		group.Go(func() (err error) {
			steps[i], err = n.enforce(wanted[n.name])
			return err
		})
	}
	err := group.Wait()
	l.last = time.Now()
	l.failed = err != nil
	l.log(steps, modelled, l.last.Sub(started), err)
	return err
}

func (l *loop) log(steps []int, modelled, total time.Duration, err error) {
	if err != nil {
		l.logf("policy: %v", err)
		return
	}
	l.logf("policy: %d policies, %d pods: %v steps in %v (model %v)",
		len(l.store.policies), len(l.store.pods), steps, total.Round(time.Microsecond), modelled.Round(time.Microsecond))
}

// flaps ticks when the rules are to vanish, or never.
func (l *loop) flaps() *time.Timer {
	t := time.NewTimer(flapEvery)
	if !l.faults.Has(Flapping) {
		t.Stop()
	}
	return t
}

func flapLength(paused bool) time.Duration {
	if paused {
		return flapFor
	}
	return flapEvery - flapFor
}

// forget has every node make its table anew with the next programming.
func (e *Engine) forget() {
	for _, n := range e.nodes {
		n.forget()
	}
}

// turn does something to the base chains of every node.
func (e *Engine) turn(to door) {
	for _, n := range e.nodes {
		if err := n.turn(to); err != nil {
			e.logf("policy: %v", err)
		}
	}
}
