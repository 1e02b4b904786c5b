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
	c.pace.slow = p.pace.slowNow()
	feeling, stop := context.WithCancel(context.WithoutCancel(ctx))
	var pulses, lanes sync.WaitGroup
	for _, a := range ends(targets) {
		b := newPulse(a, c.beatEvery)
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

// beatEvery is how often an agent is asked how it is: some times while an attempt waits.
func (c *chase) beatEvery() time.Duration {
	return min(max(shortestBeat, c.attempt()/10), longestBeat)
}

// source is the targets of one source.
type source struct {
	*chase
	watcher *Watcher
	own     []int // the numbers of the watcher's targets
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
		if due = due.Add(time.Duration(s.times) * s.interval); due.Before(time.Now()) {
			due = time.Now() // no catching up
		}
		v := &volley{timeouts: slices.Repeat([][]time.Duration{{s.attempt()}}, len(s.own)), done: make(chan struct{})}
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
	s.pace.learn(answers(v.samples), false)
}

// deliver hands a volley over once it is known how the agents were meanwhile.
func (s *source) deliver(v *volley) {
	if slices.ContainsFunc(v.samples, func(s flow.Sample) bool { return s.Outcome.Blocked() }) {
		s.doubt(v)
	}
	s.date(v)
	s.taking.Lock()
	defer s.taking.Unlock()
	for n, sample := range v.samples {
		s.take(s.own[n%len(s.own)], sample)
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
	others := slow(waits(v.samples, slices.Repeat(v.timeouts, s.times)))
	for n := range v.samples {
		sample, i := &v.samples[n], n%len(s.own)
		if !sample.Outcome.Blocked() {
			continue
		}
		t, granted := s.watcher.targets[i], total(v.timeouts[i])
		if reason := cmp.Or(suspectOnce(t, said, granted), crowded(*sample, others, granted)); reason != "" {
			sample.Outcome, sample.Detail = flow.Failed, reason
		}
	}
}

// date adds how late the agents were that say when.
func (s *source) date(v *volley) {
	for n := range v.samples {
		for _, a := range ends([]Target{s.watcher.targets[n%len(s.own)]}) {
			v.samples[n].Lag = max(v.samples[n].Lag, s.pulses[a].lag(v.begin, v.end))
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
