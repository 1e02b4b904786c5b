package observe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

// grace is how long an agent may take, beyond the time-outs that it was given, to
// answer on its control stream before the stream is given up.
const grace = 10 * time.Second

// round tries every target once, all at the same time, and then makes sure that
// what looks closed is not merely a server that is gone or a machine too busy to answer. A
// few flows, tried alone, are taken at their word: a whole round follows that is not.
func (w *Watcher) round(ctx context.Context, connected []int, look flow.Look) flow.Round {
	round := flow.Round{Begin: time.Now(), Patient: look.Patient, Samples: make([]flow.Sample, len(w.targets))}
	timeouts := w.pace.series(connected, look, w.few, w.least)
	var group sync.WaitGroup
	for agent, indices := range w.bySource() {
		group.Go(func() {
			for n, s := range w.probe(ctx, agent, indices, timeouts, probes.Batch{}) {
				round.Samples[indices[n]] = s
			}
		})
	}
	group.Wait()
	var stalls []time.Duration
	if !w.few {
		stalls = w.doubt(ctx, &round, timeouts)
	}
	w.pace.learn(answers(round.Samples), stalls, w.few)
	round.End = time.Now()
	return round
}

func (w *Watcher) bySource() map[*Agent][]int {
	groups := map[*Agent][]int{}
	for i, t := range w.targets {
		if t.From == nil {
			continue
		}
		groups[t.From] = append(groups[t.From], i)
	}
	return groups
}

// probe has an agent try the targets, as often as the batch says that it is given without
// probes, and returns their samples in the order of indices, once for each repetition.
func (w *Watcher) probe(ctx context.Context, agent *Agent, indices []int, timeouts [][]time.Duration, batch probes.Batch) []flow.Sample {
	var longest time.Duration
	for _, i := range indices {
		batch.Probes = append(batch.Probes, w.targets[i].probe(timeouts[i]))
		longest = max(longest, total(timeouts[i]))
	}
	samples := make([]flow.Sample, batch.Repeats()*len(indices))
	ctx, cancel := context.WithTimeout(ctx, time.Duration(batch.Repeats()-1)*batch.Every+longest+w.grace)
	defer cancel()
	begin := time.Now()
	results, err := agent.probe(ctx, batch)
	for n := range samples {
		if err != nil {
			samples[n] = flow.Sample{Begin: begin.Add(time.Duration(n/len(indices)) * batch.Every), Outcome: flow.Failed, Detail: err.Error()}
			continue
		}
		i := indices[n%len(indices)]
		samples[n] = w.sample(w.targets[i], timeouts[i], begin, results[n])
	}
	return samples
}

func (t Target) probe(timeouts []time.Duration) probes.Probe {
	return probes.Probe{
		Kind: t.Kind, Address: t.Address, Server: t.server(), Keep: t.Keep, Renew: t.Renew, Stands: t.Stands, From: t.FromPort, Timeouts: timeouts,
		Query: t.Query, Size: t.Size, Name: t.Name, Resolver: t.Resolver,
	}
}

// sample turns an agent's result into a sample, and checks who answered.
func (w *Watcher) sample(t Target, timeouts []time.Duration, begin time.Time, r probes.Result) flow.Sample {
	earlier := total(timeouts[:max(0, min(r.Attempts, len(timeouts))-1)])
	s := flow.Sample{
		Begin:    begin.Add(r.Begin - earlier),
		Took:     r.Took,
		Outcome:  r.Outcome,
		Attempts: r.Attempts,
		Detail:   r.Detail,
		Mark:     r.Mark,
	}
	if s.Outcome == flow.TimedOut && late(t.Kind, timeouts, r) {
		s.Outcome, s.Detail = flow.Failed, fmt.Sprintf("could not tell: a time-out of %s was noticed after %s", timeouts[r.Attempts-1], r.Took)
	}
	if s.Outcome != flow.Connected {
		return s
	}
	if r.Peer != t.Peer {
		s.Outcome, s.Detail = flow.WrongPeer, fmt.Sprintf("%q answered instead of %q", r.Peer, t.Peer)
		return s
	}
	return s
}

// late reports whether the agent noticed the last time-out so late that it can
// hardly have been running all the while. Over TCP a server whose connection stands
// is given the time twice.
func late(kind probes.Kind, timeouts []time.Duration, r probes.Result) bool {
	if r.Attempts < 1 || r.Attempts > len(timeouts) {
		return true
	}
	t := timeouts[r.Attempts-1]
	due := t
	if kind == probes.KindTCP || kind == probes.KindDNSTCP || kind == probes.KindOpen {
		due = 2 * t
	}
	return r.Took > due+t/2
}

// answers is how long the flows that connected took.
func answers(samples []flow.Sample) []time.Duration {
	var took []time.Duration
	for _, s := range samples {
		if s.Outcome == flow.Connected && s.Attempts == 1 {
			took = append(took, s.Took)
		}
	}
	return took
}
