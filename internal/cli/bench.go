package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/cniproof/cniproof/internal/benchreport"
	"github.com/cniproof/cniproof/internal/latency"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/runner"
)

func (a *app) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how long an implementation takes",
	}
	cmd.AddCommand(a.benchLatencyCommand())
	return cmd
}

// latencyFlags are the flags of `bench latency`.
type latencyFlags struct {
	clusterFlags
	profile         string
	repeat          int
	policies, peers int
	output          string
	reports         []string
	quiet           bool
}

func (a *app) benchLatencyCommand() *cobra.Command {
	var flags latencyFlags
	cmd := &cobra.Command{
		Use:   "latency",
		Short: "Measure how long changes take until they are enforced, and until they are revoked",
		Long: `latency makes one change at a time, of every kind: a policy is created, updated and
deleted, a pod and a namespace are relabelled, a peer pod is recreated. Meanwhile every
flow concerned is tried every 10ms, also while earlier attempts wait for their time-outs.
It counts from the API's answer to the first right and the last wrong sample.

Every denial stands between two times at which the same flows were open, and counts only
if a flow that no policy selects connected meanwhile. What could not be told is said, and
does not count. It always removes what it deployed.

Exit codes: 0 all measured; 1 a change was not followed in time; 2 too much could not be
told, or the infrastructure failed; 3 bad input; 130 interrupted.`,
		Example: `  cniproof bench latency
  cniproof bench latency --profile scale --report json=latency.json --report markdown=latency.md
  cniproof bench latency --cluster kind --cni calico --repeat 50
  cniproof bench latency --cluster existing --profile scale --peers 20`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.benchLatency(cmd.Context(), &flags) },
	}
	f := cmd.Flags()
	flags.clusterFlags.flags(f)
	f.StringVar(&flags.profile, "profile", profileQuick, "quick: with nothing else in the cluster; scale: also with 10, 100 and 1000 other policies, and with 10 and 100 peers")
	f.IntVar(&flags.repeat, "repeat", 20, "how often each change is made in each series; 'cniproof diff' needs 20")
	f.IntVar(&flags.policies, "policies", 1000, "scale: no series with more other policies than these")
	f.IntVar(&flags.peers, "peers", 100, "scale: no series with more peers, each of which is a pod, than these")
	f.StringVarP(&flags.output, "output", "o", "text", "format of the report on standard output: "+strings.Join(benchreport.Formats(), ", "))
	f.StringArrayVar(&flags.reports, "report", nil, "also write the report as FORMAT=PATH (repeatable), on every exit path")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, "no progress on standard error")
	return cmd
}

const (
	profileQuick = "quick"
	profileScale = "scale"
	// latencyInterval is how often a flow is tried.
	latencyInterval = 10 * time.Millisecond
)

func (f *latencyFlags) check() error {
	var errs []error
	if f.profile != profileQuick && f.profile != profileScale {
		errs = append(errs, fmt.Errorf("--profile: there is no profile %q, only %s and %s", f.profile, profileQuick, profileScale))
	}
	if f.repeat < 1 {
		errs = append(errs, errors.New("--repeat: must be at least 1"))
	}
	for name, value := range map[string]int{"policies": f.policies, "peers": f.peers} {
		if value < 0 {
			errs = append(errs, fmt.Errorf("--%s: must not be below zero", name))
		}
		if f.set.Changed(name) && f.profile != profileScale {
			errs = append(errs, fmt.Errorf("--%s: it is for --profile %s", name, profileScale))
		}
	}
	return errors.Join(errs...)
}

// loads are those of the profile, without those that are too big.
func (f *latencyFlags) loads() []runner.LatencyLoad {
	list := []runner.LatencyLoad{{}}
	if f.profile != profileScale {
		return list
	}
	for _, n := range []int{10, 100, 1000} {
		if n <= f.policies {
			list = append(list, runner.LatencyLoad{Policies: n})
		}
	}
	bounded := []int{10, 100}
	if f.peers > 10 && f.peers < 100 {
		bounded[1] = f.peers
	}
	for _, n := range bounded {
		if n <= f.peers {
			list = append(list, runner.LatencyLoad{Peers: n})
		}
	}
	return list
}

// benchLatency checks all input before it touches a cluster.
func (a *app) benchLatency(ctx context.Context, flags *latencyFlags) error {
	outputs, errReports := parseOutputs(benchreport.Formats(), flags.output, flags.reports)
	provider, k, errCluster := flags.choose()
	if err := errors.Join(flags.check(), errReports, errCluster); err != nil {
		return badInput(err)
	}
	screen := &benchScreen{app: a, quiet: flags.quiet}
	r := &benchreport.Report{
		Run: &latency.Run{Begin: time.Now(), Repeat: flags.repeat, Interval: latencyInterval}, Tool: a.version, Profile: flags.profile,
	}
	c, err := enterAndOpen(ctx, provider, k, screen.say)
	if err != nil {
		r.Trouble, r.Interrupted = fmt.Sprintf("there is no cluster: %v", err), ctx.Err() != nil
		return a.finishLatency(r, outputs)
	}
	defer func() {
		if err := closeCluster(ctx, c); err != nil {
			a.notef("cniproof: closing the cluster: %v\n", err)
		}
	}()
	r.Run = runner.MeasureLatency(ctx, runner.Latency{
		Cluster: c, Loads: flags.loads(), Repeat: flags.repeat, Interval: latencyInterval, Keep: flags.keep, Progress: screen.progress,
	})
	r.Cluster = reported(c)
	return a.finishLatency(r, outputs)
}

func (a *app) finishLatency(r *benchreport.Report, outputs []output) error {
	var errs []error
	for _, o := range outputs {
		errs = append(errs, o.writeTo(a.stdout, func(w io.Writer, format string) error { return benchreport.Write(w, r, format) }))
	}
	if err := errors.Join(errs...); err != nil {
		return infrastructure(err)
	}
	if code := r.ExitCode(); code != report.ExitPass {
		return &exit{code: code}
	}
	return nil
}

// often is how long standard error stays quiet at most while rounds go on.
const often = 10 * time.Second

// benchScreen writes lines about what goes on to standard error.
type benchScreen struct {
	app   *app
	quiet bool

	mu     sync.Mutex
	begun  time.Time // of the load that is measured
	number int
	spoken time.Time
}

func (s *benchScreen) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sayLocked(line)
}

func (s *benchScreen) sayLocked(line string) {
	if !s.quiet {
		s.app.notef("%s\n", line)
	}
	s.spoken = time.Now()
}

// progress says what is measured, how far it is, and how long this load may still take.
func (s *benchScreen) progress(p runner.LatencyProgress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := latency.Series{Policies: p.Load.Policies, Peers: p.Load.Peers}.Name()
	switch {
	case p.Number != s.number:
		s.number = p.Number
		s.sayLocked(fmt.Sprintf("%d of %d, beside it: %s: deploying probes", p.Number, p.Of, name))
	case p.Round == 1:
		s.begun = time.Now()
		s.sayLocked(fmt.Sprintf("%d of %d, beside it: %s: measuring", p.Number, p.Of, name))
	case p.Round > 1 && time.Since(s.spoken) >= often:
		done := p.Round - 1
		left := time.Since(s.begun) / time.Duration(done) * time.Duration(p.Last-done)
		s.sayLocked(fmt.Sprintf("%d of %d, beside it: %s: round %d of %d, about %s left of this series", p.Number, p.Of, name, p.Round, p.Last, left.Round(time.Second)))
	}
}
