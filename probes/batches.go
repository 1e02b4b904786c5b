//go:build linux

package probes

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

const (
	// maxAtOnce is how many probes of one batch are under way at once.
	maxAtOnce = 256
	// maxTimeout and maxAttempts bound what a probe may ask for, maxTimes and maxEvery what
	// a batch may.
	maxTimeout  = time.Minute
	maxAttempts = 100
	maxTimes    = 1000
	maxEvery    = time.Minute
	// maxBusy is how many source ports that others hold an attempt may meet.
	maxBusy = 16
)

// check says what the batch as a whole asks for that the agent does not do.
func (b *Batch) check() error {
	switch {
	case b.Times < 0, b.Times > maxTimes:
		return localf("a batch %d times, want at most %d", b.Times, maxTimes)
	case b.Every < 0, b.Every > maxEvery:
		return localf("a batch every %v, want at most %v", b.Every, maxEvery)
	}
	return nil
}

// run makes every probe of the batch, as often as it says, at most maxAtOnce of them at
// once. Once ctx has ended it begins no more.
func (a *Agent) run(ctx context.Context, batch *Batch) []Result {
	arrived := time.Now()
	results := make([]Result, batch.Repeats()*len(batch.Probes))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(maxAtOnce, len(results)) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(results) || !waitUntil(ctx, batch.due(arrived, i)) {
					return
				}
				a.slots <- struct{}{}
				results[i] = a.probe(ctx, &batch.Probes[i%len(batch.Probes)], arrived)
				<-a.slots
			}
		})
	}
	workers.Wait()
	return results
}

// due is when the probe of result i is to begin.
func (b *Batch) due(arrived time.Time, i int) time.Time {
	return arrived.Add(time.Duration(i/len(b.Probes)) * b.Every)
}

// waitUntil returns false when ctx has ended first.
func waitUntil(ctx context.Context, due time.Time) bool {
	if pause := time.Until(due); pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// probe makes attempts until one ends otherwise than by a time-out.
func (a *Agent) probe(ctx context.Context, p *Probe, arrived time.Time) Result {
	proto, try, err := a.prepare(p)
	if err != nil {
		return Result{Outcome: flow.Failed, Begin: time.Since(arrived), Detail: err.Error()}
	}
	if p.Name != "" {
		if try.to, err = a.lookUp(p); err != nil {
			return Result{Outcome: flow.Failed, Begin: time.Since(arrived), Detail: err.Error()}
		}
	}
	var result Result
	for i, timeout := range p.Timeouts {
		try.begin, try.timeout = time.Now(), timeout
		peer, err := a.attempt(proto, p, try)
		result = Result{
			Outcome:  flow.Connected,
			Peer:     peer,
			Attempts: i + 1,
			Begin:    try.begin.Sub(arrived),
			Took:     time.Since(try.begin),
		}
		if err != nil {
			result.Outcome, result.Detail, result.Mark = outcomeOf(err), err.Error(), try.mark
		}
		if result.Outcome != flow.TimedOut || ctx.Err() != nil {
			break
		}
	}
	return result
}

// prepare checks what the prober asks for.
func (a *Agent) prepare(p *Probe) (protocol, attempt, error) {
	proto, ok := protocolOf(p.Kind)
	to := p.Address
	switch {
	case !ok:
		return protocol{}, attempt{}, localf("probing %s: unknown kind %q", to, p.Kind)
	case !to.IsValid(), to.Port() == 0, to.Addr().Zone() != "", to.Addr().IsUnspecified(), to.Addr().IsMulticast():
		return protocol{}, attempt{}, localf("probing %q: not the address of a server", to)
	case len(p.Timeouts) == 0, len(p.Timeouts) > maxAttempts:
		return protocol{}, attempt{}, localf("probing %s: %d time-outs, want 1 to %d", to, len(p.Timeouts), maxAttempts)
	case p.Kind == KindOpen && p.Keep == "":
		return protocol{}, attempt{}, localf("probing %s: a connection that stays open needs a name", to)
	case p.From != 0 && p.Kind != KindTCP && p.Kind != KindUDP:
		return protocol{}, attempt{}, localf("probing %s over %s: only TCP and UDP are dialled from a port that is given", to, p.Kind)
	case p.Size < 0, p.Size > mostBytes(p.Kind):
		return protocol{}, attempt{}, localf("probing %s: %d bytes over %s, want at most %d", to, p.Size, p.Kind, mostBytes(p.Kind))
	}
	for _, t := range p.Timeouts {
		if t <= 0 || t > maxTimeout {
			return protocol{}, attempt{}, localf("probing %s: time-out %v, want more than 0 and at most %v", to, t, maxTimeout)
		}
	}
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	try := attempt{agent: a, keep: p.Keep, stands: p.Stands, to: to, query: p.Query, size: p.Size, mark: rand.Uint64()}
	return proto, try, nil
}

// mostBytes is how many bytes a probe of the kind can be asked to send; 0: that is its own affair.
func mostBytes(k Kind) int {
	if k == KindUDP {
		return maxGreeting
	}
	if k == KindTCP {
		return maxStream
	}
	return 0
}

// attempt dials from a fresh source port, or from the one that the probe keeps or names. A fresh
// one that somebody else holds is passed over.
func (a *Agent) attempt(proto protocol, p *Probe, try attempt) (string, error) {
	key := portKey{transport: proto.transport, v6: try.to.Addr().Is6(), server: p.Server}
	if p.Server == "" {
		key.address = try.to
	}
	var peer string
	var err error
	if p.From != 0 {
		try.from = p.From
		return proto.dial(try)
	}
	for range maxBusy {
		// Once connected, a TCP attempt may last twice its time-out.
		try.from, err = a.sources.take(key, p.Keep, 2*try.timeout)
		if err != nil {
			return "", err
		}
		peer, err = proto.dial(try)
		if !isBusy(err) || p.Keep != "" {
			break
		}
	}
	if err == nil && p.Renew {
		a.sources.drop(key, p.Keep)
	}
	return peer, err
}
