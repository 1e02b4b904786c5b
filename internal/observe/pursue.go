package observe

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

const (
	// atOnce is how many volleys of one source are under way at once; an agent takes no
	// more than 64 requests.
	atOnce = 48
	// eachProbe is the time that every target adds to the least interval: no more than
	// 2,500 probes a second are begun.
	eachProbe = 400 * time.Microsecond
	// longWait bounds the attempt of a flow that connected last. A second would be too
	// long: TCP repeats by then, and what was lost would look like an answer that is late.
	longWait = 900 * time.Millisecond
	// longer is how many times more such an attempt waits than others.
	longer = 8
)

// Pursue begins a probe of every target in every interval until ctx ends, also while
// earlier probes of that target still wait, and hands over every sample, by one call at a
// time. The samples of one target come in the order of their begin. The interval is
// longer than asked for where there are many targets or where sources do not keep up.
// Pursue returns when the last probe has come back.
func (p *Pool) Pursue(ctx context.Context, targets []Target, interval time.Duration, take func(target int, s flow.Sample)) {
	interval = max(interval, time.Duration(len(targets))*eachProbe)
	c := &chase{take: take, interval: interval, pulses: map[*Agent]*pulse{}}
	c.pace.slow = p.pace.slowNow()
	feeling, stop := context.WithCancel(context.WithoutCancel(ctx))
	var pulses, lanes sync.WaitGroup
	for _, a := range ends(targets) {
		b := newPulse(a)
		c.pulses[a] = b
		pulses.Go(func() { b.feel(feeling) })
	}
	list := c.sources(targets)
	for n, s := range list {
		offset := time.Duration(n) * interval / time.Duration(len(list))
		lanes.Go(func() {
			if Wait(ctx, offset) {
				s.run(ctx)
			}
		})
	}
	lanes.Wait()
	stop()
	pulses.Wait()
}

// ends are the agents at either end of the targets, each once.
func ends(targets []Target) []*Agent {
	seen := map[*Agent]bool{nil: true}
	var list []*Agent
	for _, t := range targets {
		for _, a := range []*Agent{t.From, t.To} {
			if !seen[a] {
				seen[a] = true
				list = append(list, a)
			}
		}
	}
	return list
}

// chase is one Pursue under way.
type chase struct {
	interval time.Duration
	pace     pace
	pulses   map[*Agent]*pulse

	taking sync.Mutex
	take   func(int, flow.Sample)
}

// source is the targets of one source.
type source struct {
	*chase
	watcher *Watcher
	own     []int // the numbers of the watcher's targets

	mu        sync.Mutex
	connected []bool // whether the target's last sample did
}

func (c *chase) sources(targets []Target) []*source {
	at := map[*Agent]*source{}
	var list []*source
	for i, t := range targets {
		s := at[t.From]
		if s == nil {
			s = &source{chase: c, watcher: &Watcher{pace: &c.pace, grace: patience}}
			at[t.From] = s
			list = append(list, s)
		}
		s.own = append(s.own, i)
		s.watcher.targets = append(s.watcher.targets, t)
		s.connected = append(s.connected, false)
	}
	return list
}

// volley is one probe of every target of a source.
type volley struct {
	timeouts [][]time.Duration
	samples  []flow.Sample
	begin    time.Time
	end      time.Time     // set before done is closed
	done     chan struct{} // closed when every sample is there
}

// run fires volleys and delivers them in their order.
func (s *source) run(ctx context.Context) {
	queue := make(chan *volley, atOnce) // its room is what bounds the volleys under way
	var group sync.WaitGroup
	group.Go(func() {
		for v := range queue {
			<-v.done
			s.deliver(v)
		}
	})
	due := time.Now()
	for Wait(ctx, time.Until(due)) {
		if due = due.Add(s.interval); due.Before(time.Now()) {
			due = time.Now() // no catching up
		}
		v := s.aim()
		select {
		case queue <- v:
			group.Go(func() { s.fire(context.WithoutCancel(ctx), v) })
		case <-ctx.Done():
		}
	}
	close(queue)
	group.Wait()
}

// aim gives each target its time-out, by what it showed last.
func (s *source) aim() *volley {
	n := len(s.own)
	v := &volley{timeouts: make([][]time.Duration, n), samples: make([]flow.Sample, n), done: make(chan struct{})}
	short := s.pace.attempt()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range v.timeouts {
		v.timeouts[i] = []time.Duration{short}
		if s.connected[i] {
			v.timeouts[i][0] = min(longer*short, longWait)
		}
	}
	return v
}

func (s *source) fire(ctx context.Context, v *volley) {
	defer close(v.done)
	v.begin = time.Now()
	all := make([]int, len(s.own))
	for i := range all {
		all[i] = i
	}
	s.watcher.probe(ctx, s.watcher.targets[0].From, all, v.timeouts, v.samples)
	v.end = time.Now()
	s.pace.learn(answers(v.samples), false)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, sample := range v.samples {
		s.connected[i] = sample.Outcome == flow.Connected
	}
}

// deliver hands a volley over once it is known how the agents were meanwhile.
func (s *source) deliver(v *volley) {
	if slices.ContainsFunc(v.samples, func(s flow.Sample) bool { return s.Outcome.Blocked() }) {
		s.doubt(v)
	}
	s.date(v)
	s.taking.Lock()
	defer s.taking.Unlock()
	for i, n := range s.own {
		s.take(n, v.samples[i])
	}
}

// doubt turns silence that proves nothing into Failed: by all that the agents at both
// ends have said from the volley's begin until after its end, and by how long other flows
// of the volley took.
func (s *source) doubt(v *volley) {
	said := map[*Agent][]health{}
	var late []time.Duration
	for _, a := range ends(s.watcher.targets) {
		said[a] = s.pulses[a].between(v.begin, v.end)
		for _, h := range said[a] {
			if h.err == nil {
				late = append(late, h.lag)
			}
		}
	}
	s.pace.learn(late, false)
	others := slow(waits(v.samples, v.timeouts))
	for i, t := range s.watcher.targets {
		sample := &v.samples[i]
		if !sample.Outcome.Blocked() {
			continue
		}
		granted := total(v.timeouts[i])
		if reason := cmp.Or(suspectOnce(t, said, granted), crowded(*sample, others, granted)); reason != "" {
			sample.Outcome, sample.Detail = flow.Failed, reason
		}
	}
}

// date adds how late the agents were that say when.
func (s *source) date(v *volley) {
	for i, t := range s.watcher.targets {
		for _, a := range ends([]Target{t}) {
			v.samples[i].Lag = max(v.samples[i].Lag, s.pulses[a].lag(v.begin, v.end))
		}
	}
}

// suspectOnce is suspect for all that the agents have said over a while.
func suspectOnce(t Target, said map[*Agent][]health, granted time.Duration) string {
	for n := range max(len(said[t.From]), len(said[t.To])) {
		then := map[*Agent]health{}
		for _, a := range []*Agent{t.From, t.To} {
			if list := said[a]; len(list) > 0 {
				then[a] = list[min(n, len(list)-1)]
			}
		}
		if reason := suspect(t, then, granted); reason != "" {
			return reason
		}
	}
	return ""
}
