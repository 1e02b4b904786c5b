package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
)

// progress is how far a run is.
type progress struct {
	begin   time.Time // of the first scenario
	status  string    // what goes on before it
	total   int
	done    int
	failed  int
	unclear int
	work    map[int]*work // by stage
}

// work is what a stage is at.
type work struct {
	stage           int
	scenario, step  string
	since, stepTime time.Time
}

// take takes an event down.
func (p *progress) take(e runner.Event, now time.Time) {
	switch {
	case e.Started != nil:
		if p.begin.IsZero() {
			p.begin = now
		}
		p.work[e.Stage] = &work{stage: e.Stage, scenario: e.Started.Name, step: "pods", since: now, stepTime: now}
	case e.Step != nil:
		p.step(e, now)
	case e.Preflight != nil:
		delete(p.work, 0)
		p.status = ""
	case e.Ended != nil:
		maps.DeleteFunc(p.work, func(_ int, w *work) bool { return w.scenario == e.Ended.Name })
		p.done = e.Done
		switch e.Ended.Result {
		case judge.Fail:
			p.failed++
		case judge.Inconclusive:
			p.unclear++
		case judge.Pass, judge.Skipped, judge.Recorded:
		}
	}
}

func (p *progress) step(e runner.Event, now time.Time) {
	w := p.work[e.Stage]
	if w == nil { // the preflight's scenario is not announced
		w = &work{stage: e.Stage, scenario: e.Step.Scenario, since: now}
		p.work[e.Stage] = w
	}
	w.step, w.stepTime = stepName(e.Step), now
	if ended := e.Step.Ended; ended != nil && (ended.Result == judge.Fail || ended.Result == judge.Inconclusive) {
		w.step += ": " + string(ended.Result) + ", looking closer"
	}
}

// stepName is a step in a few words.
func stepName(s *runner.StepEvent) string {
	if s.Number == 0 {
		return s.Name
	}
	return fmt.Sprintf("step %d/%d %q", s.Number, s.Of, s.Name)
}

// busy is what goes on, the stages in order.
func (p *progress) busy() []*work {
	return slices.SortedFunc(maps.Values(p.work), func(a, b *work) int { return cmp.Compare(a.stage, b.stage) })
}

// counts is "12 of 223 done, 1 failed".
func (p *progress) counts() string {
	text := fmt.Sprintf("%d of %d done", p.done, p.total)
	if p.failed > 0 {
		text += fmt.Sprintf(", %d failed", p.failed)
	}
	if p.unclear > 0 {
		text += fmt.Sprintf(", %d could not be told", p.unclear)
	}
	return text
}

// enough scenarios must have ended before their number says how long the others take.
const enough = 3

// left is about how long it still takes; "" while nobody knows.
func (p *progress) left(now time.Time) string {
	rest := p.total - p.done
	if p.done < enough || rest <= 0 {
		return ""
	}
	each := now.Sub(p.begin) / time.Duration(p.done)
	return fmt.Sprintf(", about %s left", (each * time.Duration(rest)).Round(time.Second))
}

// longest is what the heartbeat says: what is waited for longest.
const longest = 3

// heartbeat is a line for a log.
func (p *progress) heartbeat(since time.Time, now time.Time) string {
	line := fmt.Sprintf("%s: ", now.Sub(since).Round(time.Second))
	if p.begin.IsZero() && len(p.work) == 0 {
		return line + "waiting for the cluster; last: " + cmp.Or(p.status, "nothing yet")
	}
	line += p.counts() + p.left(now)
	busy := slices.SortedStableFunc(slices.Values(p.busy()), func(a, b *work) int { return a.since.Compare(b.since) })
	var parts []string
	for _, w := range busy[:min(len(busy), longest)] {
		parts = append(parts, fmt.Sprintf("%s, %s (%s)", w.scenario, w.step, now.Sub(w.since).Round(time.Second)))
	}
	if len(parts) == 0 {
		return line
	}
	if more := len(busy) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return line + "; waiting for: " + strings.Join(parts, "; ")
}

// barWidth is how wide the bar of the view is.
const barWidth = 20

// view is the lines of the live view, as many as a terminal has room for.
func (p *progress) view(since, now time.Time, rows int) []string {
	if p.begin.IsZero() && len(p.work) == 0 {
		if p.status == "" {
			return nil
		}
		return []string{fmt.Sprintf("%6s  %s", seconds(now.Sub(since)), p.status)}
	}
	filled := barWidth * p.done / max(1, p.total)
	lines := []string{fmt.Sprintf("%6s  %s%s  %s%s", seconds(now.Sub(since)),
		strings.Repeat("█", filled), strings.Repeat("░", barWidth-filled), p.counts(), p.left(now))}
	busy := p.busy()
	room := max(1, min(len(busy), rows-3))
	for i, w := range busy {
		if i == room {
			return append(lines, fmt.Sprintf("%6s  and %d more", "", len(busy)-room))
		}
		lines = append(lines, fmt.Sprintf("%6s  stage %-2d %s, %s", seconds(now.Sub(w.since)), w.stage, w.scenario, w.step))
	}
	return lines
}

func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}
