package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// keeper keeps one agent running: it starts another one when it ends.
type keeper struct {
	launcher *launcher
	ns       *namespace
	identity string
	args     []string
	socket   string        // "" for the one that every agent has by default
	once     bool          // an agent that ended is not started again
	leaving  chan struct{} // closed when the agent is told to end
	leave    func()

	mu    sync.Mutex
	state agentState
	fresh chan struct{} // closed when the state changes
}

// agentState is what is known of a kept agent.
type agentState struct {
	process  *process // that serves its socket, else nil
	restarts int32
	exit     *os.ProcessState // of the last one that ended
	since    time.Time
	problem  error
	finished bool // it is not started again
}

// completed reports whether the agent has ended well and is not started again.
func (s *agentState) completed() bool { return s.finished && s.exit != nil && s.exit.Success() }

var errStopped = errors.New("it was stopped")

func newKeeper(l *launcher, ns *namespace, identity string) *keeper {
	k := &keeper{
		launcher: l, ns: ns, identity: identity, args: []string{"--control", "socket"},
		fresh: make(chan struct{}), leaving: make(chan struct{}),
	}
	k.leave = sync.OnceFunc(func() { close(k.leaving) })
	return k
}

// tell asks the agent to end, as a kubelet does. It may not obey, but is not started again.
func (k *keeper) tell() { k.leave() }

func (k *keeper) told() bool {
	select {
	case <-k.leaving:
		return true
	default:
		return false
	}
}

const (
	firstBackoff = 10 * time.Millisecond
	lastBackoff  = 5 * time.Second
)

// run keeps the agent until ctx ends, or until it ended where it runs once, or was told
// to. It is gone then. report is told of every change.
func (k *keeper) run(ctx context.Context, report func(agentState)) {
	backoff := firstBackoff
	for {
		if k.told() {
			k.change(report, func(s *agentState) { s.finished = true })
			return
		}
		began := time.Now()
		p := k.runOne(ctx, report)
		stopped := ctx.Err() != nil || k.told()
		k.change(report, func(s *agentState) {
			s.process, s.since, s.finished = nil, time.Now(), stopped || k.once && p != nil
			if p != nil {
				s.exit, s.problem = p.cmd.ProcessState, p.death()
			}
			if !s.finished {
				s.restarts++
			}
		})
		if stopped || k.once && p != nil {
			return
		}
		if time.Since(began) > lastBackoff {
			backoff = firstBackoff
		}
		timer := time.NewTimer(backoff)
		select {
		case <-timer.C:
		case <-k.leaving:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
		}
		backoff = min(2*backoff, lastBackoff)
	}
}

// runOne runs one agent to its end and returns it, or nil if it did not start.
func (k *keeper) runOne(ctx context.Context, report func(agentState)) *process {
	p, err := k.launcher.start(k.ns, k.identity, k.args...)
	if err != nil {
		k.change(report, func(s *agentState) { s.problem = err })
		return nil
	}
	defer p.kill()
	if k.socket != "" {
		p.socket = k.socket
	}
	stream, err := p.dial(ctx)
	if err != nil {
		return p
	}
	_ = stream.Close()
	k.change(report, func(s *agentState) { s.process, s.since, s.problem = p, time.Now(), nil })
	select {
	case <-p.exited:
		return p
	case <-ctx.Done():
		return p
	case <-k.leaving:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-p.exited:
	case <-ctx.Done():
	}
	return p
}

func (k *keeper) change(report func(agentState), f func(*agentState)) {
	k.mu.Lock()
	f(&k.state)
	state := k.state
	close(k.fresh)
	k.fresh = make(chan struct{})
	k.mu.Unlock()
	report(state)
}

// attach opens a control stream to the agent; it waits for one that is starting.
func (k *keeper) attach(ctx context.Context) (*os.File, error) {
	for {
		k.mu.Lock()
		state, fresh := k.state, k.fresh
		k.mu.Unlock()
		if state.finished {
			return nil, fmt.Errorf("attaching to the agent %q: %w", k.identity, errors.Join(errStopped, state.problem))
		}
		if state.process != nil {
			stream, err := state.process.dial(ctx)
			if err == nil || ctx.Err() != nil {
				return stream, err
			}
		}
		select {
		case <-fresh:
		case <-ctx.Done():
			return nil, fmt.Errorf("attaching to the agent %q: %w", k.identity, errors.Join(ctx.Err(), state.problem))
		}
	}
}
