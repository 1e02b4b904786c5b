package runner

import (
	"context"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/observe"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/internal/vigil"
)

const (
	// steadyInterval is how often each flow is tried that a steady step must not disturb.
	steadyInterval = 10 * time.Millisecond
	// steadyLimit is how long nothing may be known of such a flow.
	steadyLimit = 500 * time.Millisecond
	// warming is how long it may take until every such flow has been seen once.
	warming = 5 * time.Second
)

// guard watches what a steady step must not disturb. A nil guard watches nothing.
type guard struct {
	flows    []flow.Flow
	expected []flow.Verdict
	begun    time.Time // the step's first action
	stop     context.CancelFunc
	ended    chan struct{}

	mu       sync.Mutex
	recorder *vigil.Recorder // nil before begin
	unseen   map[int]bool    // flows without any evidence yet
	warm     chan struct{}   // closed when there are none
}

// guard begins to watch before the next step acts; nil where the step is not steady.
func (p *play) guard(ctx context.Context, step scenario.Step) (*guard, error) {
	if !step.Steady {
		return nil, nil //nolint:nilnil // a nil guard is one that has nothing to do
	}
	verdicts, err := p.oracle.Steady(p.bench.stage.Binding(), p.flows)
	if err != nil {
		return nil, err
	}
	targets, err := p.bench.targets(ctx, p.flows)
	if err != nil {
		return nil, err
	}
	g := &guard{ended: make(chan struct{}), warm: make(chan struct{}), unseen: map[int]bool{}}
	var own []observe.Target
	for i, v := range verdicts {
		if v == flow.Allow || v == flow.Deny {
			g.unseen[len(own)] = true
			g.flows, g.expected, own = append(g.flows, p.flows[i]), append(g.expected, v), append(own, targets[i])
		}
	}
	watching, stop := context.WithCancel(ctx)
	g.stop = stop
	go func() {
		defer close(g.ended)
		p.bench.run.pool.Pursue(watching, own, steadyInterval, g.take)
	}()
	g.begin(ctx)
	return g, nil
}

// begin returns when all flows have been seen: then the step may act.
func (g *guard) begin(ctx context.Context) {
	timer := time.NewTimer(warming)
	defer timer.Stop()
	if len(g.flows) > 0 {
		select {
		case <-g.warm:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.begun = time.Now()
	g.recorder = vigil.NewRecorder(g.flows, g.expected, steadyInterval, g.begun, nil)
	g.recorder.Sharpen(steadyLimit)
}

func (g *guard) take(i int, s flow.Sample) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.Verdict() != flow.Unknown && g.unseen[i] {
		delete(g.unseen, i)
		if len(g.unseen) == 0 {
			close(g.warm)
		}
	}
	if g.recorder != nil && !s.Begin.Before(g.begun) {
		g.recorder.Add(i, s)
	}
}

// leave ends the watch, also a second time.
func (g *guard) leave() {
	if g != nil {
		g.stop()
		<-g.ended
	}
}

// judge ends the watch and adds what was seen to the step.
func (g *guard) judge(step *judge.Step, flows []flow.Flow) {
	if g == nil {
		return
	}
	end := time.Now()
	g.leave()
	g.mu.Lock()
	defer g.mu.Unlock()
	step.Guarded(flows, g.recorder.Report(end, steadyInterval), g.begun)
}
