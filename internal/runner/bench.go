package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/deploy"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/observe"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/probes"
)

// teardown is how long removing what was deployed may take, also after the run
// was interrupted.
const teardown = 30 * time.Second

// bench is one stage at work: what is deployed on it, and the agents that run there.
type bench struct {
	run    *run
	number int

	deployed   int // how many stages it has deployed so far
	stage      *deploy.Stage
	topology   scenario.Topology
	identities map[flow.Endpoint]string
	anew       []flow.Endpoint // pods that were created anew since the stage was deployed
	// proved is true while the stage is untouched since a control has shown that
	// every flow connects.
	proved bool
	// sentinel is where canary policies are tried; nil before the first.
	sentinel *bench
	// silent is true of a sentinel: nobody is told of what happens on it.
	silent bool
}

func newBench(r *run, number int) *bench { return &bench{run: r, number: number} }

// shape is what scenarios can run without a new deployment; "" before the first.
func (b *bench) shape() string {
	if b.stage == nil {
		return ""
	}
	return deploy.Shape(b.topology)
}

// fits reports whether labels are all that the stage lacks to be that topology.
func (b *bench) fits(t scenario.Topology) bool {
	return b.stage != nil && !b.topology.Traced() && b.shape() == deploy.Shape(t)
}

// relabel makes the stage that topology, with no policy in it, and has every agent
// serve what the topology says.
func (b *bench) relabel(ctx context.Context, t scenario.Topology) error {
	b.proved = b.proved && sameEndpoints(b.topology, t)
	b.topology = t
	if _, err := b.stage.Reset(ctx, t); err != nil {
		return err
	}
	return b.serve(ctx)
}

// sameEndpoints reports whether two topologies of one shape have the same flows.
func sameEndpoints(a, b scenario.Topology) bool {
	flows := func(t scenario.Topology) string {
		return fmt.Sprint(t.External, t.Nodes, t.DNS, t.Datagram, t.Stream, t.Itself, t.Echo, t.NodePort, t.Established)
	}
	return flows(a) == flows(b)
}

// deploy replaces whatever is deployed.
func (b *bench) deploy(ctx context.Context, t scenario.Topology) error {
	b.down(ctx)
	b.deployed++
	b.topology, b.proved, b.anew = t, false, nil
	var err error
	b.stage, err = deploy.Up(ctx, b.run.cfg.Cluster, b.run.cfg.ID, b.number*1000+b.deployed, t)
	b.stage.End = b.endAgent
	if err != nil {
		return err
	}
	return b.serve(ctx)
}

// serve has every agent of the topology listen, all at the same time, and learns who
// they are.
func (b *bench) serve(ctx context.Context) error {
	ports := map[flow.Endpoint][]flow.Port{}
	gone := b.stage.Gone()
	for _, p := range b.topology.Pods {
		if !slices.Contains(gone, p.Endpoint()) {
			ports[p.Endpoint()] = p.Ports
		}
	}
	for n := 1; n <= b.topology.External.Hosts; n++ {
		ports[flow.External(n)] = b.topology.External.Ports
	}
	for n := 1; b.topology.Nodes.Probed && n <= b.topology.NodeCount(); n++ {
		ports[flow.Node(n)] = b.topology.Nodes.Ports
	}
	b.identities = map[flow.Endpoint]string{}
	var mu sync.Mutex // guards identities and errs
	var errs []error
	var group sync.WaitGroup
	for e, list := range ports {
		group.Go(func() {
			identity, err := b.agent(e).Serve(ctx, b.served(list))
			mu.Lock()
			defer mu.Unlock()
			b.identities[e], errs = identity, append(errs, err)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// served leaves out the protocols that the cluster cannot probe: an agent that lacks
// what they need could not serve them.
func (b *bench) served(ports []flow.Port) []probes.Port {
	var list []probes.Port
	for _, p := range ports {
		if slices.Contains(b.run.cfg.Cluster.Description().Protocols, p.Protocol) {
			list = append(list, probes.Port{Kind: kind(p.Protocol), Number: p.Number})
		}
	}
	return list
}

func (b *bench) agent(e flow.Endpoint) *observe.Agent { return b.run.pool.Agent(b.stage.Agent(e)) }

// recreated forgets the agents of pods that were replaced, and has the new ones serve.
func (b *bench) recreated(ctx context.Context, pods []flow.Endpoint) error {
	b.forget(pods)
	b.anew = append(b.anew, pods...)
	if len(pods) == 0 {
		return nil
	}
	return b.serve(ctx)
}

// leave ends the stage's work.
func (b *bench) leave(ctx context.Context) {
	if b.sentinel != nil {
		b.sentinel.leave(ctx)
	}
	if !b.run.cfg.Keep {
		b.down(ctx)
	}
}

// down removes what is deployed. What cannot be removed is left to `cniproof cleanup`.
func (b *bench) down(ctx context.Context) {
	if b.stage == nil {
		return
	}
	for _, p := range b.topology.Pods {
		b.run.pool.Drop(b.stage.Agent(p.Endpoint()))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), teardown)
	defer cancel()
	if err := b.stage.Down(ctx); err != nil {
		b.run.trouble(err)
	}
	b.stage = nil
}
