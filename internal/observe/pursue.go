package observe

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

const (
	// together is for how long a source probes at one request: messages are what a stream
	// through the API costs most for.
	together = 50 * time.Millisecond
	// atOnce is how many volleys of one source are under way at once: for a longer time than
	// any of them waits, and an agent takes no more than 64 requests.
	atOnce = 40
	// eachProbe is the time that every target adds to the least interval: no more than
	// 2,500 probes a second are begun.
	eachProbe = 400 * time.Microsecond
	// longWait bounds an attempt. A second would be too long: TCP repeats by then, and what
	// was lost would look like an answer that is late, or a denial like a late leak.
	longWait = 900 * time.Millisecond
	// longer is how many times more an attempt waits than one in a round: nothing is kept
	// waiting by it, and the longer the silence, the more it says of starved agents.
	longer = 8
)

// Pursue begins a probe of every target in every interval until ctx ends, also while
// earlier probes of that target still wait, and hands over every sample, by one call at a
// time. The samples of one target come in the order of their begin. The interval is
// longer than asked for where there are many targets or where sources do not keep up.
// Pursue returns when the last probe has come back.
func (p *Pool) Pursue(ctx context.Context, targets []Target, interval time.Duration, take func(target int, s flow.Sample)) {
	interval = max(interval, time.Duration(len(targets))*eachProbe)
	c := &chase{take: take, interval: interval, times: int(max(1, together/max(1, interval))), pulses: map[*Agent]*pulse{}}
	c.pace.slow, c.pace.stall = p.pace.now()
	feeling, stop := context.WithCancel(context.WithoutCancel(ctx))
	var pulses, lanes sync.WaitGroup
	for _, a := range ends(targets) {
		b := newPulse(a, c.attempt)
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
	times    int // that a volley probes each target
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
	held    []held
}

// held is a sample that is not handed over yet.
type held struct {
	target int
	flow.Sample
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
	}
	return list
}

// volley is some probes of every target of a source, one in every interval.
type volley struct {
	timeouts [][]time.Duration
	samples  []flow.Sample // of all targets, once for each interval
	next     time.Time     // no later volley begins before
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
			s.settle(v)
			s.deliver(v.next)
		}
		s.deliver(time.Now())
	})
	due := time.Now()
	for Wait(ctx, time.Until(due)) {
		if due = due.Add(time.Duration(s.times) * s.interval); due.Before(time.Now()) {
			due = time.Now() // no catching up
		}
		v := &volley{next: due, timeouts: slices.Repeat([][]time.Duration{{s.attempt()}}, len(s.own)), done: make(chan struct{})}
		select {
		case queue <- v:
			group.Go(func() { s.fire(context.WithoutCancel(ctx), v) })
		case <-ctx.Done():
		}
	}
	close(queue)
	group.Wait()
}

// attempt is the time-out of every probe.
func (c *chase) attempt() time.Duration { return min(longer*c.pace.attempt(), longWait) }

func (s *source) fire(ctx context.Context, v *volley) {
	defer close(v.done)
	v.begin = time.Now()
	all := make([]int, len(s.own))
	for i := range all {
		all[i] = i
	}
	v.samples = s.watcher.probe(ctx, s.watcher.targets[0].From, all, v.timeouts, probes.Batch{Times: s.times, Every: s.interval})
	v.end = time.Now()
	s.pace.learn(answers(v.samples), nil, false)
}

// settle makes samples of a volley, once it is known how the agents were meanwhile.
func (s *source) settle(v *volley) {
	if slices.ContainsFunc(v.samples, func(s flow.Sample) bool { return s.Outcome.Blocked() }) {
		s.doubt(v)
	}
	v.date()
	for n, sample := range v.samples {
		s.held = append(s.held, held{s.own[n%len(s.own)], sample})
	}
}

// deliver hands over what began before that time, in its order: on a busy machine a volley's
// last probes may begin later than the next one's first.
func (s *source) deliver(before time.Time) {
	slices.SortStableFunc(s.held, func(a, b held) int { return a.Begin.Compare(b.Begin) })
	n, _ := slices.BinarySearchFunc(s.held, before, func(h held, t time.Time) int { return h.Begin.Compare(t) })
	s.taking.Lock()
	defer s.taking.Unlock()
	for _, h := range s.held[:n] {
		s.take(h.target, h.Sample)
	}
	s.held = slices.Clone(s.held[n:])
}

// doubt turns silence that proves nothing into Failed: by all that the agents at both
// ends have said of the volley's time, and by how long other flows of the volley took.
func (s *source) doubt(v *volley) {
	said := map[*Agent][]health{}
	for _, a := range ends(s.watcher.targets) {
		said[a] = s.pulses[a].between(v.begin, v.end)
	}
	s.pace.learn(nil, stalls(said), false)
	others := slow(waits(v.samples, slices.Repeat(v.timeouts, s.times)))
	for n := range v.samples {
		sample, i := &v.samples[n], n%len(s.own)
		if !sample.Outcome.Blocked() {
			continue
		}
		t, granted := s.watcher.targets[i], total(v.timeouts[i])
		if reason := cmp.Or(suspect(t, said, granted), crowded(*sample, others, granted)); reason != "" {
			sample.Outcome, sample.Detail = flow.Failed, reason
		}
	}
}

// date adds for how long the volley and its results were on their way, of which nobody
// knows how it divides: the probes began so much later at most.
func (v *volley) date() {
	lasted := time.Duration(0)
	for _, s := range v.samples {
		lasted = max(lasted, s.Begin.Add(s.Took).Sub(v.begin))
	}
	for n := range v.samples {
		v.samples[n].Lag = v.end.Sub(v.begin) - lasted
	}
}
