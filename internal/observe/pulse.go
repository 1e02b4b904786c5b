package observe

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// shortestBeat and longestBeat bound how often an agent is asked how it is.
	shortestBeat = 20 * time.Millisecond
	longestBeat  = 100 * time.Millisecond
	// kept is how long what it said is remembered: longer than any volley takes.
	kept = 10 * time.Second
)

// pulse is how one agent was, over and over.
type pulse struct {
	agent *Agent
	every func() time.Duration // from one time that it is asked to the next

	mu    sync.Mutex
	beats []beat // by begin
	fresh *sync.Cond
	ended bool
}

// beat is how the agent was at one time.
type beat struct {
	begin, end time.Time
	health
}

func newPulse(a *Agent, every func() time.Duration) *pulse {
	p := &pulse{agent: a, every: every}
	p.fresh = sync.NewCond(&p.mu)
	return p
}

// feel asks the agent until ctx ends.
func (p *pulse) feel(ctx context.Context) {
	for ctx.Err() == nil {
		b := p.ask(context.WithoutCancel(ctx))
		p.mu.Lock()
		p.beats = append(p.beats, b)
		for b.end.Sub(p.beats[0].end) > kept {
			p.beats = p.beats[1:]
		}
		p.fresh.Broadcast()
		p.mu.Unlock()
		Wait(ctx, p.every()-time.Since(b.begin))
	}
	p.mu.Lock()
	p.ended = true
	p.fresh.Broadcast()
	p.mu.Unlock()
}

// ask is not cut short by the end of a pursuit: that would cost the agent's stream.
func (p *pulse) ask(ctx context.Context) beat {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begin := time.Now()
	pong, err := p.agent.ping(ctx)
	end := time.Now()
	return beat{begin, end, health{pong: pong, lag: end.Sub(begin), err: err}}
}

// lag is the longest that the agent has taken so far to answer at some time from begin to end.
func (p *pulse) lag(begin, end time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var longest time.Duration
	for _, b := range p.beats {
		if !b.end.Before(begin) && !b.begin.After(end) && b.err == nil {
			longest = max(longest, b.lag)
		}
	}
	return longest
}

// between is every beat that was under way at some time from begin to end, and the first
// that began after it, for which it waits.
func (p *pulse) between(begin, end time.Time) []health {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.ended && (len(p.beats) == 0 || p.beats[len(p.beats)-1].begin.Before(end)) {
		p.fresh.Wait()
	}
	var list []health
	for _, b := range p.beats {
		if b.end.Before(begin) {
			continue
		}
		list = append(list, b.health)
		if !b.begin.Before(end) {
			break
		}
	}
	if len(list) == 0 {
		return []health{{err: errors.New("the agent was not asked how it was")}}
	}
	return list
}
