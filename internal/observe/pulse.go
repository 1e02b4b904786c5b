package observe

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// beatEvery is how often an agent is asked how it has been.
	beatEvery = 150 * time.Millisecond
	// remembered is for how long that is: longer than any volley takes.
	remembered = 10 * time.Second
)

// pulse is how one agent was, over and over.
type pulse struct {
	agent   *Agent
	attempt func() time.Duration
	begun   time.Time

	mu    sync.Mutex
	beats []beat // one after another, without a gap between them
	fresh *sync.Cond
	ended bool
}

// beat is how the agent was from one time to another.
type beat struct {
	since, until time.Time
	health
}

func newPulse(a *Agent, attempt func() time.Duration) *pulse {
	p := &pulse{agent: a, attempt: attempt, begun: time.Now()}
	p.fresh = sync.NewCond(&p.mu)
	return p
}

// feel asks the agent until ctx ends.
func (p *pulse) feel(ctx context.Context) {
	since := p.begun
	for ctx.Err() == nil {
		b := p.ask(context.WithoutCancel(ctx), since)
		since = b.until
		p.mu.Lock()
		p.beats = append(p.beats, b)
		for b.until.Sub(p.beats[0].until) > remembered {
			p.beats = p.beats[1:]
		}
		p.fresh.Broadcast()
		p.mu.Unlock()
		Wait(ctx, beatEvery-time.Since(b.until))
	}
	p.mu.Lock()
	p.ended = true
	p.fresh.Broadcast()
	p.mu.Unlock()
}

// ask is not cut short by the end of a pursuit: that would cost the agent's stream.
func (p *pulse) ask(ctx context.Context, since time.Time) beat {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	until := time.Now()
	return beat{since, until, p.agent.past(ctx, since, p.attempt(), nil)}
}

// between is every beat that is about some of the time from begin to end, for the last of
// which it waits.
func (p *pulse) between(begin, end time.Time) []health {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.ended && (len(p.beats) == 0 || p.beats[len(p.beats)-1].until.Before(end)) {
		p.fresh.Wait()
	}
	var list []health
	for _, b := range p.beats {
		if !b.until.Before(begin) && !b.since.After(end) {
			list = append(list, b.health)
		}
	}
	if len(p.beats) == 0 || p.beats[0].since.After(begin) || p.beats[len(p.beats)-1].until.Before(end) {
		list = append(list, health{err: errors.New("the agent was not asked how it was")})
	}
	return list
}
