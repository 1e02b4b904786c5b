package runner

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/deploy"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/observe"
	"github.com/cniproof/cniproof/internal/scenario"
)

const (
	// debutFor is how long the flows of a new pod are tried at the least, and how long an
	// init container dials.
	debutFor = 1500 * time.Millisecond
	// debutPoll is the time between two looks at what was dialled.
	debutPoll = 50 * time.Millisecond
)

// eager is the pods of one step that dial and are dialled from their first instant.
type eager struct {
	play *play
	list []*debut
}

// debut is one of them.
type debut struct {
	scenario.Debut
	name     string                             // of what peers dial
	dials    []observe.Target                   // from the pod
	dialled  []observe.Target                   // to the pod: their addresses are known when the API shows them
	dialling map[flow.Endpoint][]observe.Target // by the peer that was told to
	shown    time.Time                          // when the API showed those addresses
}

// eager prepares the pods of the step that are to dial from their first instant.
func (p *play) eager(ctx context.Context, step scenario.Step) (*eager, error) {
	e := &eager{play: p}
	fresh := step.Recreated()
	for _, s := range step.Debuts() {
		d := &debut{Debut: s, name: s.Pod.String(), dialling: map[flow.Endpoint][]observe.Target{}}
		targets, err := p.bench.targets(ctx, p.between(s.Pod, fresh))
		if err != nil {
			return nil, err
		}
		for _, t := range targets {
			switch {
			case t.From == nil: // the other end has completed
			case t.Flow.Source == s.Pod:
				d.dials = append(d.dials, t)
			default:
				t.Peer = "" // nobody knows it yet
				d.dialled = append(d.dialled, t)
			}
		}
		e.list = append(e.list, d)
		p.bench.stage.Eager(s.Pod, e.arguments(d))
	}
	return e, nil
}

// between are the flows from and to a pod whose other end is not new as well. DNS is
// left out: its answer is no identity.
func (p *play) between(pod flow.Endpoint, fresh []flow.Endpoint) []flow.Flow {
	return slices.DeleteFunc(slices.Clone(p.flows), func(f flow.Flow) bool {
		from, to := f.Source == pod, f.Destination == pod
		return !from && !to || from && slices.Contains(fresh, f.Destination) || to && slices.Contains(fresh, f.Source) ||
			f.Destination.Kind == flow.KindDNS
	})
}

func (e *eager) arguments(d *debut) deploy.Debut {
	b := e.play.bench
	var ports []flow.Port
	for _, p := range b.topology.Pods {
		if p.Endpoint() == d.Pod {
			ports = p.Ports
		}
	}
	args := deploy.Debut{
		Serve: observe.ServeArguments(b.served(ports)), Dial: observe.Arguments(d.dials),
		Shown: func(ctx context.Context, addrs []netip.Addr) { e.beginPeers(ctx, d, addrs) },
	}
	if d.Init {
		args.InitFor = debutFor.String()
	}
	return args
}

// beginPeers has every peer dial the new pod.
func (e *eager) beginPeers(ctx context.Context, d *debut, addrs []netip.Addr) {
	d.shown = time.Now()
	for _, t := range d.dialled {
		if t.Flow.Via == flow.PodIP {
			addr, _ := ofFamily(addrs, t.Flow.Family) // without one the agent refuses
			t.Address = netip.AddrPortFrom(addr, t.Flow.Port)
		}
		d.dialling[t.Flow.Source] = append(d.dialling[t.Flow.Source], t)
	}
	var group sync.WaitGroup
	for peer, targets := range d.dialling {
		group.Go(func() { _ = e.play.bench.agent(peer).Dial(ctx, d.name, targets) }) // else it has nothing to tell later
	}
	group.Wait()
}

// collect waits until all has been seen that should be, or time is up, and returns it;
// nil where no pod of the step is eager. Since ready all of them serve.
func (e *eager) collect(ctx context.Context, step scenario.Step, expected []flow.Verdict, ready time.Time) []judge.Debut {
	if len(e.list) == 0 {
		return nil
	}
	within := e.play.goal(step, expected, time.Now()).Within
	verdicts := map[flow.Flow]flow.Verdict{}
	for i, f := range e.play.flows {
		verdicts[f] = expected[i]
	}
	for {
		list := e.look(ctx, verdicts, ready, false)
		if done(list, within) || !observe.Wait(ctx, debutPoll) {
			return e.look(context.WithoutCancel(ctx), verdicts, ready, true)
		}
	}
}

// done reports whether nothing more need be waited for.
func done(list []judge.Debut, within time.Duration) bool {
	for _, d := range list {
		_, connected := d.First()
		switch {
		case d.Trouble != "", d.By == judge.ByInitContainer: // it will not get better
		case d.Took < debutFor, d.Expected == flow.Allow && !connected && d.Took <= within+d.Unserved:
			return false
		}
	}
	return true
}

// look asks every agent what it has dialled.
func (e *eager) look(ctx context.Context, verdicts map[flow.Flow]flow.Verdict, ready time.Time, stop bool) []judge.Debut {
	var list []judge.Debut
	for _, d := range e.list {
		by, seen, err := e.own(ctx, d, stop)
		list = append(list, debuts(by, d.dials, seen, err, verdicts)...)
		for _, peer := range e.peers(d) {
			targets := slices.Clone(d.dialling[peer])
			for i := range targets {
				targets[i].Peer = e.play.bench.identities[d.Pod]
			}
			seen, err := e.play.bench.agent(peer).Dialled(ctx, d.name, targets, stop)
			list = append(list, unserved(debuts(judge.ByPeer, targets, seen, err, verdicts), ready.Sub(d.shown))...)
		}
	}
	return list
}

// own is what the new pod itself has dialled.
func (e *eager) own(ctx context.Context, d *debut, stop bool) (by string, seen *observe.Dialled, err error) {
	b := e.play.bench
	switch {
	case len(d.dials) == 0:
		return judge.ByContainer, nil, nil
	case d.Init:
		seen, err = observe.DialledBefore(d.dials, b.stage.LastWords(d.Pod))
		return judge.ByInitContainer, seen, err
	}
	seen, err = b.agent(d.Pod).Dialled(ctx, observe.FirstDial, d.dials, stop)
	return judge.ByContainer, seen, err
}

// peers are those that dial the new pod, in order.
func (e *eager) peers(d *debut) []flow.Endpoint {
	var list []flow.Endpoint
	for peer := range d.dialling {
		list = append(list, peer)
	}
	slices.SortFunc(list, func(a, b flow.Endpoint) int { return flow.Compare(flow.Flow{Source: a}, flow.Flow{Source: b}) })
	return list
}

// unserved says of flows to a new pod how long it may not have listened: an init
// container comes before whoever does.
func unserved(list []judge.Debut, until time.Duration) []judge.Debut {
	for i := range list {
		list[i].Unserved = max(0, until)
	}
	return list
}

// debuts turns what was dialled into what is judged.
func debuts(by string, targets []observe.Target, seen *observe.Dialled, err error, verdicts map[flow.Flow]flow.Verdict) []judge.Debut {
	list := make([]judge.Debut, len(targets))
	for i, t := range targets {
		list[i] = judge.Debut{Flow: t.Flow, By: by, Expected: verdicts[t.Flow]}
		if err != nil {
			list[i].Trouble = "could not tell: " + err.Error()
			continue
		}
		list[i].Stretches, list[i].Took = seen.Records[i], seen.Age
	}
	return list
}
