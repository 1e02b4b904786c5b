package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/scenario"
)

const (
	// heartbeat is how long a run may be silent on standard error.
	heartbeat = 15 * time.Second
	// redrawing is how often the live view is drawn anew.
	redrawing = 200 * time.Millisecond
)

// screen shows a run while it goes on. Lines of the text report go to standard
// output as scenarios end; where standard output takes another format, they are
// progress and go to standard error. On a terminal a live view stands below them.
type screen struct {
	app     *app
	quiet   bool
	options report.Options
	results io.Writer // where the lines go
	input0  report.Input
	begin   time.Time
	stop    func()

	mu       sync.Mutex
	progress progress
	live     *live     // nil: there is no terminal, or no view is wanted
	pending  []written // what is to stand above the view when it is drawn next
	paused   bool      // the view stays away
}

// written is text on its way.
type written struct {
	to   io.Writer
	text string
}

func newScreen(a *app, flags *runFlags, total int) *screen {
	s := &screen{
		app: a, quiet: flags.quiet, begin: time.Now(),
		progress: progress{total: total, work: map[int]*work{}},
		results:  a.stdout,
		options:  report.Options{Verbose: flags.verbose},
		input0:   report.Input{Tool: a.version, Command: append([]string{"cniproof"}, a.args...), AllowDeviations: flags.allowKnown},
	}
	if flags.output != "text" {
		s.results = a.stderr
		if flags.quiet {
			s.results = io.Discard
		}
	}
	s.options.Color, s.options.Width = terminal(s.results)
	period := heartbeat
	if !flags.quiet {
		if s.live = newLive(a.stderr); s.live != nil {
			period = redrawing
		}
	}
	ticker, done := time.NewTicker(period), make(chan struct{})
	s.stop = sync.OnceFunc(func() { ticker.Stop(); close(done) })
	go s.beat(ticker.C, done)
	return s
}

// terminal says whether colour is welcome and how wide the terminal is; see no-color.org.
func terminal(w io.Writer) (color bool, width int) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false, 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 0
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", width
}

// close ends the progress. Nothing of it is left on a terminal.
func (s *screen) close() {
	s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushLocked()
	s.live = nil
}

// beat draws the view, or says in a log that the run is alive.
func (s *screen) beat(tick <-chan time.Time, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case now := <-tick:
			s.mu.Lock()
			switch {
			case s.live != nil:
				s.drawLocked(now)
			case !s.paused:
				s.noteLocked(s.progress.heartbeat(s.begin, now))
			}
			s.mu.Unlock()
		}
	}
}

// drawLocked writes what came since the last time, and the view below it.
func (s *screen) drawLocked(now time.Time) {
	if s.paused {
		return
	}
	if len(s.pending) > 0 {
		s.flushLocked()
	}
	_, rows := s.live.size()
	if lines := s.progress.view(s.begin, now, rows); len(lines) > 0 {
		s.live.draw(lines)
	}
}

// flushLocked takes the view away and writes what is pending.
func (s *screen) flushLocked() {
	s.live.clear()
	for _, w := range s.pending {
		_, _ = io.WriteString(w.to, w.text)
	}
	s.pending = nil
}

// pause shows a notice, also in a quiet run, and keeps everything else away from it.
func (s *screen) pause(notice string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushLocked()
	s.paused = true
	_, _ = io.WriteString(s.app.stderr, notice)
}

func (s *screen) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = false
	s.flushLocked()
}

// opening is told what is done to the cluster before anything runs there.
func (s *screen) opening(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.status = line
	if s.live == nil || s.options.Verbose {
		s.noteLocked(line)
	}
}

// note shows one line that stays.
func (s *screen) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noteLocked(line)
}

func (s *screen) noteLocked(line string) {
	if !s.quiet {
		s.writeLocked(s.app.stderr, line+"\n")
	}
}

// writeLocked writes above the view: at once, or when the view is drawn next.
func (s *screen) writeLocked(w io.Writer, text string) {
	s.pending = append(s.pending, written{w, text})
	if s.live == nil && !s.paused {
		s.flushLocked()
	}
}

// cluster takes down what is to be said of the cluster.
func (s *screen) cluster(c cluster.Cluster) {
	s.input0.Deviations = knownDeviations(c.Description().Deviations)
	s.input0.Cluster = reported(c)
}

// reported is what reports say of a cluster.
func reported(c cluster.Cluster) report.Cluster {
	d := c.Description()
	return report.Cluster{
		Provider: d.Provider, Implementation: d.Implementation, Version: d.Version, Kubernetes: d.Kubernetes,
		Reference: d.Reference, Faults: d.Faults, Families: d.Families, Protocols: d.Protocols, Nodes: len(c.Nodes()),
	}
}

// knownDeviations are those that explain failures in reports. Their flow lines were
// checked with their entry.
func knownDeviations(all []cluster.Deviation) []report.Deviation {
	var list []report.Deviation
	for _, d := range all {
		var lines []func(flow.Flow) bool
		for _, text := range d.Flows {
			if match, err := scenario.ParseFlowLine(text); err == nil {
				lines = append(lines, match)
			}
		}
		known := report.Deviation{Scenarios: d.Scenarios, Summary: d.Summary, Link: d.Link, Confirmed: d.Confirmed}
		if len(d.Flows) > 0 {
			known.Explains = func(f flow.Flow) bool {
				return slices.ContainsFunc(lines, func(match func(flow.Flow) bool) bool { return match(f) })
			}
		}
		list = append(list, known)
	}
	return list
}

// event is the runner's Progress.
func (s *screen) event(e runner.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.take(e, time.Now())
	switch {
	case e.Preflight != nil:
		s.writeLocked(s.results, report.Header(s.input(&judge.Run{Preflight: *e.Preflight}), s.options)+"\n")
	case e.Step != nil && e.Step.Ended != nil && s.options.Verbose:
		s.noteLocked(fmt.Sprintf("%-15s%7s  %s, %s", e.Step.Ended.Result, seconds(e.Step.Ended.Took), e.Step.Scenario, stepName(e.Step)))
	case e.Ended != nil:
		s.writeLocked(s.results, report.Line(s.input0, *e.Ended, s.options)+"\n")
	}
}

// input is what a report is made from.
func (s *screen) input(r *judge.Run) report.Input {
	in := s.input0
	in.Run = r
	return in
}

// conclude writes the report to standard output, or what of it was not streamed.
func (s *screen) conclude(format string, in report.Input) error {
	if format != "text" {
		return report.Write(s.app.stdout, format, in, s.options)
	}
	_, _ = fmt.Fprintf(s.results, "\n%s%s", report.Details(in, s.options), report.Summary(in, s.options))
	return nil // a reader that went away is no error of ours
}
