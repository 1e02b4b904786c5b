// Package engine is the reference NetworkPolicy engine of the embedded cluster. It
// watches namespaces, pods and policies and programs the nftables of every node.
// Three stages, one way: the store of objects, the model of what each isolated pod
// may do, and the rules in the kernel. It can be given faults by name, each a mistake
// in one of the stages, to show that a suite catches them.
//
// Goals: every behaviour that networking.k8s.io/v1 promises; no packet that is let
// through or dropped by an update as such; a change is in the kernel within
// milliseconds. Not a goal: to be a CNI plugin.
//
// It must not import what computes expected verdicts (internal/oracle,
// internal/scenario, internal/netpol), or it would prove nothing.
package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/client-go/kubernetes"
)

// Node is a node of the cluster. Every pod of the node must be reached through the
// forward hook of the node's network namespace.
type Node struct {
	Name  string
	NetNS int          // file descriptor of the network namespace; the engine does not close it
	Addrs []netip.Addr // no rule needs them: the hooks tell a node's own traffic from its pods'
}

// Config is what an engine needs. The client's watches must hold an event when the
// write returns that caused it, as those of client-go's tracker do. Objects must have
// been defaulted and validated.
type Config struct {
	Client kubernetes.Interface
	Nodes  []Node
	Faults Faults
	Away   time.Duration                    // how long nobody is at work when the engine restarts
	Logf   func(format string, args ...any) // nil: no log
}

// Engine enforces policies on the nodes of a cluster.
type Engine struct {
	client   kubernetes.Interface
	faults   Faults
	away     time.Duration
	logf     func(string, ...any)
	nodes    []*node
	periods  periods
	firsts   map[key]*networkingv1.NetworkPolicy // policies as they came, by what a faulty engine keeps
	left     *store                              // what the engine knew when it was last restarted
	requests chan request
	ended    chan struct{} // closed when Run has returned
}

// request asks the engine's loop for something and waits for the answer.
type request struct {
	ctx       context.Context
	restart   bool
	meanwhile func(context.Context) error // what is done while the engine is away; nil: nothing
	failed    error                       // what came of that
	done      chan error
}

// New makes an engine and connects it to the nodes. It enforces nothing until Run.
func New(c Config) (*Engine, error) {
	e := &Engine{
		client: c.Client, faults: c.Faults, away: c.Away, logf: c.Logf, periods: usualPeriods(),
		firsts: map[key]*networkingv1.NetworkPolicy{}, requests: make(chan request), ended: make(chan struct{}),
	}
	if e.logf == nil {
		e.logf = func(string, ...any) {}
	}
	for _, n := range c.Nodes {
		k, err := openKernel(n.NetNS)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("opening node %q: %w", n.Name, err), e.close())
		}
		e.nodes = append(e.nodes, &node{name: n.Name, faults: c.Faults, kernel: k})
	}
	return e, nil
}

func (e *Engine) close() error {
	var errs []error
	for _, n := range e.nodes {
		errs = append(errs, n.kernel.close())
	}
	return errors.Join(errs...)
}

// Sync returns when everything that the API held at the call is programmed on every
// node. It waits for Run to begin.
func (e *Engine) Sync(ctx context.Context) error {
	return e.ask(request{ctx: ctx})
}

// Restart restarts the engine as if its process had been killed: the rules stay in
// the kernel, everything else is forgotten and, after Config.Away, read from the API again. Before that
// it calls meanwhile, unless that is nil. It returns when the rules are what the API wants.
func (e *Engine) Restart(ctx context.Context, meanwhile func(context.Context) error) error {
	return e.ask(request{ctx: ctx, restart: true, meanwhile: meanwhile})
}

func (e *Engine) ask(r request) error {
	r.done = make(chan error, 1)
	select {
	case e.requests <- r:
	case <-e.ended:
		return errors.New("the policy engine has ended")
	case <-r.ctx.Done():
		return fmt.Errorf("asking the policy engine: %w", context.Cause(r.ctx))
	}
	select {
	case err := <-r.done:
		return err
	case <-e.ended:
		return errors.New("the policy engine has ended")
	case <-r.ctx.Done():
		return fmt.Errorf("waiting for the policy engine: %w", context.Cause(r.ctx))
	}
}

// Dump is the rules of a node as they were last programmed, in the words of nft.
func (e *Engine) Dump(name string) string {
	for _, n := range e.nodes {
		if n.name == name {
			return n.String()
		}
	}
	return fmt.Sprintf("no node %q\n", name)
}
