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

// heartbeat is how long a run may be silent on standard error.
const heartbeat = 30 * time.Second

// screen shows a run while it goes on. Lines of the text report go to standard
// output as scenarios end; where standard output takes another format, they are
// progress and go to standard error.
type screen struct {
	app     *app
	quiet   bool
	options report.Options
	results io.Writer // where the lines go
	input0  report.Input
	stop    func()

	mu      sync.Mutex
	begin   time.Time
	total   int
	done    int
	failed  int
	running map[string]time.Time
}

func newScreen(a *app, flags *runFlags, total int) *screen {
	s := &screen{
		app: a, quiet: flags.quiet, total: total, begin: time.Now(), running: map[string]time.Time{},
		results: a.stdout,
		options: report.Options{Verbose: flags.verbose},
		input0:  report.Input{Tool: a.version, Command: append([]string{"cniproof"}, a.args...), AllowDeviations: flags.allowKnown},
	}
	if flags.output != "text" {
		s.results = a.stderr
		if flags.quiet {
			s.results = io.Discard
		}
	}
	s.options.Color, s.options.Width = terminal(s.results)
	ticker, done := time.NewTicker(heartbeat), make(chan struct{})
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

func (s *screen) close() { s.stop() }

// beat says that the run is alive when nothing else has been said for long.
func (s *screen) beat(tick <-chan time.Time, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-tick:
			s.mu.Lock()
			s.noteLocked(fmt.Sprintf("%s: %d of %d scenarios done, %d failed, %d running",
				time.Since(s.begin).Round(time.Second), s.done, s.total, s.failed, len(s.running)))
			s.mu.Unlock()
		}
	}
}

// note shows one line of progress.
func (s *screen) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noteLocked(line)
}

func (s *screen) noteLocked(line string) {
	if !s.quiet {
		s.app.notef("%s\n", line)
	}
}

// cluster takes down what is to be said of the cluster.
func (s *screen) cluster(c cluster.Cluster) {
	d := c.Description()
	s.input0.Deviations = knownDeviations(d.Deviations)
	s.input0.Cluster = report.Cluster{
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
	switch {
	case e.Preflight != nil:
		s.printf("%s\n", report.Header(s.input(&judge.Run{Preflight: *e.Preflight}), s.options))
	case e.Started != nil:
		s.running[e.Started.Name] = time.Now()
	case e.Ended != nil:
		delete(s.running, e.Ended.Name)
		s.done = e.Done
		if e.Ended.Result == judge.Fail {
			s.failed++
		}
		s.printf("%s\n", report.Line(s.input0, *e.Ended, s.options))
	}
}

func (s *screen) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(s.results, format, args...)
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
	s.printf("\n%s%s", report.Details(in, s.options), report.Summary(in, s.options))
	return nil
}
