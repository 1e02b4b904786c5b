package runner

import (
	"context"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/deploy"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/observe"
)

// replacement is pods that were replaced. The stage must not be changed again before
// known is closed.
type replacement struct {
	pods  []flow.Endpoint
	known chan struct{}
}

// follow tries the flows until ctx ends. Probe pods that go meanwhile, as on a node
// that is drained, are replaced.
func (v *watch) follow(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	replaced := make(chan replacement)
	group.Go(func() { v.replaceLost(ctx, replaced) })
	var known chan struct{}
	for ctx.Err() == nil {
		targets, err := v.bench.targets(ctx, v.play.flows)
		if err != nil {
			v.event("the probes cannot be found: %v", err)
			observe.Wait(ctx, time.Second)
			continue
		}
		if known != nil {
			close(known)
			known = nil
		}
		if r, ok := v.followUntil(ctx, targets, replaced); ok {
			if err := v.bench.recreated(ctx, r.pods); err != nil && ctx.Err() == nil {
				v.event("the replaced probe pods do not serve: %v", err)
			}
			known = r.known
		}
	}
}

// followUntil returns when ctx ends, or with pods that were replaced.
func (v *watch) followUntil(ctx context.Context, targets []observe.Target, replaced <-chan replacement) (r replacement, ok bool) {
	following, stop := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		defer stop()
		select {
		case r = <-replaced:
			ok = true
		case <-ctx.Done():
		}
	})
	v.run.pool.Follow(following, targets, v.cfg.Interval, v.take)
	waiting.Wait()
	return r, ok
}

// replaceLost waits for pods to go and starts them again. Everything that has to do
// with them is no evidence until they are there again, and flows that are allowed may
// then be closed until they have been open once: a new pod has to become known.
func (v *watch) replaceLost(ctx context.Context, replaced chan<- replacement) {
	for ctx.Err() == nil {
		lost, err := v.bench.stage.Lost(ctx)
		if err != nil {
			observe.Wait(ctx, time.Second)
			continue
		}
		for _, l := range lost {
			v.gone(l)
		}
		r := replacement{known: make(chan struct{})}
		for _, l := range lost {
			if !v.replace(ctx, l.Pod) {
				return
			}
			r.pods = append(r.pods, l.Pod)
		}
		select {
		case replaced <- r:
		case <-ctx.Done():
			return
		}
		select {
		case <-r.known:
		case <-ctx.Done():
			return
		}
	}
}

func (v *watch) gone(l deploy.Loss) {
	v.event("probe pod %s %s", l.Pod, l.Why)
	v.mu.Lock()
	defer v.mu.Unlock()
	var indices []int
	for i, f := range v.play.flows {
		if f.Source == l.Pod || f.Destination == l.Pod {
			indices = append(indices, i)
		}
	}
	v.recorder.Rise(indices)
}

// replace tries until the pod is there again; it returns false when ctx ended first.
func (v *watch) replace(ctx context.Context, pod flow.Endpoint) bool {
	for said := false; ; {
		err := v.bench.stage.Replace(ctx, pod)
		if err == nil {
			v.event("probe pod %s is replaced", pod)
			return true
		}
		if !said && ctx.Err() == nil {
			said = true
			v.event("probe pod %s cannot be replaced yet: %v", pod, err)
		}
		if !observe.Wait(ctx, time.Second) {
			return false
		}
	}
}
