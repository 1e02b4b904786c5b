package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/vigil"
)

const (
	redraw  = 500 * time.Millisecond
	noticed = 100 * time.Millisecond // how soon a window shows in a line of its own
	margin  = 42                     // columns of a row's name
)

// watchScreen shows a watch while it goes on, on standard error: a timeline that is
// drawn anew on a terminal, and lines elsewhere.
type watchScreen struct {
	app   *app
	quiet bool

	mu     sync.Mutex
	drawn  int // lines of the timeline that stand on the screen
	stop   chan struct{}
	done   sync.WaitGroup
	color  bool
	width  int
	begun  time.Time
	spoken time.Time
	open   map[vigil.Window]bool // windows that a line was written for, by flow and begin
}

// say writes a line above the timeline.
func (w *watchScreen) say(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sayLocked(line)
}

func (w *watchScreen) sayLocked(line string) {
	if w.quiet {
		return
	}
	w.clear()
	w.app.notef("%s\n", line)
	w.spoken = time.Now()
}

// begin starts to show what the watch sees.
func (w *watchScreen) begin(look func(int) runner.Sight) {
	w.say("watching; Ctrl-C ends the watch with a report")
	w.mu.Lock()
	stop := make(chan struct{})
	w.stop, w.begun, w.open = stop, time.Now(), map[vigil.Window]bool{}
	w.color, w.width = terminal(w.app.stderr)
	w.mu.Unlock()
	if w.quiet {
		return
	}
	every, show := noticed, w.lines
	if w.width > margin+10 {
		every, show = redraw, w.draw
		w.app.notef("%s\n", vigil.Legend)
	}
	columns := w.width - margin
	w.done.Go(func() {
		w.loop(stop, every, func() runner.Sight { return look(columns) }, show)
	})
}

func (w *watchScreen) loop(stop <-chan struct{}, every time.Duration, look func() runner.Sight, show func(runner.Sight)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			sight := look()
			w.mu.Lock()
			show(sight)
			w.mu.Unlock()
		}
	}
}

// end leaves the timeline as it stands.
func (w *watchScreen) end() {
	w.mu.Lock()
	stop := w.stop
	w.stop = nil
	w.mu.Unlock()
	if stop == nil {
		return
	}
	close(stop)
	w.done.Wait()
	w.drawn = 0
}

// clear takes the timeline off the screen.
func (w *watchScreen) clear() {
	if w.drawn > 0 {
		w.app.notef("\x1b[%dA\x1b[J", w.drawn)
		w.drawn = 0
	}
}

func (w *watchScreen) draw(s runner.Sight) {
	w.clear()
	for _, row := range s.Rows {
		w.app.notef("%-*.*s %s\n", margin-2, margin-2, fmt.Sprintf("%s (%d)", row.Name, row.Flows), w.painted(row.Cells))
	}
	w.app.notef("%s: %d samples, %d leaks, %d failed (%d alone), %d tell nothing\n", time.Since(w.begun).Round(time.Second),
		s.Counts.Samples, s.Counts.Leaks, s.Counts.Failed, s.Counts.Lost, s.Counts.Nothing)
	w.drawn = len(s.Rows) + 1
}

func (w *watchScreen) painted(cells []string) string {
	if !w.color {
		return strings.Join(cells, "")
	}
	colors := map[string]string{"!": "\x1b[1;31m", "X": "\x1b[31m", ",": "\x1b[33m", "?": "\x1b[33m", "·": "\x1b[32m"}
	var b strings.Builder
	for _, c := range cells {
		if code := colors[c]; code != "" {
			c = code + c + "\x1b[0m"
		}
		b.WriteString(c)
	}
	return b.String()
}

// lines says when flows go wrong, how many at once, and that the watch is alive.
func (w *watchScreen) lines(s runner.Sight) {
	fresh := map[vigil.Kind][]vigil.Window{}
	now := map[vigil.Window]bool{}
	for _, win := range s.Windows {
		key := vigil.Window{Flow: win.Flow, Kind: win.Kind, Begin: win.Begin}
		now[key] = true
		if !w.open[key] {
			fresh[win.Kind] = append(fresh[win.Kind], win)
		}
	}
	if len(w.open) > 0 && len(now) == 0 {
		w.sayLocked(time.Now().Format("15:04:05.000") + " all flows are right again")
	}
	w.open = now
	for _, k := range []vigil.Kind{vigil.Leak, vigil.Disruption} {
		if list := fresh[k]; len(list) > 0 {
			w.sayLocked(fmt.Sprintf("%s %s: %s%s", list[0].Begin.Format("15:04:05.000"), k, list[0].Flow, others(len(list)-1)))
		}
	}
	if time.Since(w.spoken) > heartbeat {
		w.sayLocked(fmt.Sprintf("%s: %d samples, %d leaks, %d failed (%d alone), %d tell nothing", time.Since(w.begun).Round(time.Second),
			s.Counts.Samples, s.Counts.Leaks, s.Counts.Failed, s.Counts.Lost, s.Counts.Nothing))
	}
}

func others(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more flows", n)
}
