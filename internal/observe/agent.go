// Package observe drives the agents: it tries every flow, round after round, until
// it is told to stop, and records all that it saw.
//
// It must not know what is expected: it may not import internal/oracle,
// internal/judge or internal/scenario. What it is told is where to dial and who
// should answer there.
package observe

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

// Attach opens a control stream to the agent of an endpoint.
type Attach func(ctx context.Context, agent flow.Endpoint) (io.ReadWriteCloser, error)

// Pool keeps one control stream per agent for as long as the agent is needed.
type Pool struct {
	attach Attach
	pace   pace

	mu     sync.Mutex
	agents map[flow.Endpoint]*Agent
}

// NewPool returns an empty pool.
func NewPool(attach Attach) *Pool {
	return &Pool{attach: attach, agents: map[flow.Endpoint]*Agent{}}
}

// Agent returns the agent of an endpoint, by its real name. It is attached when
// it is first used, and again after its stream broke.
func (p *Pool) Agent(e flow.Endpoint) *Agent {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.agents[e]
	if !ok {
		a = &Agent{endpoint: e, attach: p.attach, dialling: make(chan struct{}, 1)}
		p.agents[e] = a
	}
	return a
}

// Drop closes and forgets the agent of an endpoint.
func (p *Pool) Drop(e flow.Endpoint) {
	p.mu.Lock()
	a := p.agents[e]
	delete(p.agents, e)
	p.mu.Unlock()
	if a != nil {
		a.reset(nil)
	}
}

// Close closes every stream.
func (p *Pool) Close() {
	p.mu.Lock()
	agents := p.agents
	p.agents = map[flow.Endpoint]*Agent{}
	p.mu.Unlock()
	for _, a := range agents {
		a.reset(nil)
	}
}

// Agent is one in-pod agent, seen from its control stream.
type Agent struct {
	endpoint flow.Endpoint
	attach   Attach
	dialling chan struct{} // holds one token while somebody attaches

	mu     sync.Mutex
	client *probes.Client
	served []probes.Port
	born   time.Time // no later than that, for an agent in a pod; zero: not known yet
}

// Serve makes the agent answer on the ports, in addition to those of earlier
// calls, and returns its identity. Every port is up when it returns without error.
func (a *Agent) Serve(ctx context.Context, ports []probes.Port) (identity string, err error) {
	client, err := a.dial(ctx)
	if err != nil {
		return "", err
	}
	if len(ports) > 0 {
		if err := client.Serve(ctx, ports); err != nil {
			a.reset(client)
			return "", fmt.Errorf("serving %d ports on %s: %w", len(ports), a.endpoint, err)
		}
	}
	pong, err := a.ping(ctx, probes.Ping{})
	if err != nil {
		return "", err
	}
	a.began(time.Now().Add(-pong.Age))
	a.mu.Lock()
	for _, p := range ports {
		if !slices.Contains(a.served, p) {
			a.served = append(a.served, p)
		}
	}
	a.mu.Unlock()
	return pong.Identity, nil
}

// End makes the agent's process end well. The agent is of no use afterwards.
func (a *Agent) End(ctx context.Context) error {
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	if err := client.End(ctx); err != nil {
		return fmt.Errorf("ending the agent of %s: %w", a.endpoint, err)
	}
	return nil
}

// dial returns the client of the agent's stream. A fresh stream may lead to an
// agent that was restarted, so it is told again what to serve.
func (a *Agent) dial(ctx context.Context) (*probes.Client, error) {
	if client, _ := a.known(); client != nil {
		return client, nil
	}
	select {
	case a.dialling <- struct{}{}:
		defer func() { <-a.dialling }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the stream to the agent of %s: %w", a.endpoint, ctx.Err())
	}
	client, served := a.known()
	if client != nil {
		return client, nil
	}
	stream, err := a.attach(ctx, a.endpoint)
	if err != nil {
		return nil, fmt.Errorf("attaching to the agent of %s: %w", a.endpoint, err)
	}
	client = probes.NewClient(stream)
	if len(served) > 0 {
		if err := client.Serve(ctx, served); err != nil {
			_ = client.Close()
			return nil, fmt.Errorf("serving again on %s: %w", a.endpoint, err)
		}
	}
	a.mu.Lock()
	a.client = client
	a.mu.Unlock()
	return client, nil
}

// known is the stream, if there is one, and what the agent was told to serve.
func (a *Agent) known() (*probes.Client, []probes.Port) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.client, slices.Clone(a.served)
}

// reset closes the stream, so that the next use attaches again; a nil client
// stands for whichever there is.
func (a *Agent) reset(client *probes.Client) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client == nil || client != nil && a.client != client {
		return
	}
	_ = a.client.Close()
	a.client = nil
}

func (a *Agent) probe(ctx context.Context, batch probes.Batch) ([]probes.Result, error) {
	client, err := a.dial(ctx)
	if err != nil {
		return nil, err
	}
	results, err := client.Run(ctx, batch)
	if err != nil {
		a.reset(client)
		return nil, fmt.Errorf("probing from %s: %w", a.endpoint, err)
	}
	return results, nil
}

// ping asks the agent who it is, what it serves, and how it was for a while before.
func (a *Agent) ping(ctx context.Context, past probes.Ping) (probes.Pong, error) {
	client, err := a.dial(ctx)
	if err != nil {
		return probes.Pong{}, err
	}
	pong, err := client.PingPast(ctx, past)
	if err != nil {
		a.reset(client)
		return probes.Pong{}, fmt.Errorf("pinging the agent of %s: %w", a.endpoint, err)
	}
	return pong, nil
}
