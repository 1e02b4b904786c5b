package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/scenario"
)

// runFlags are the flags of `run` that are not about which scenarios.
type runFlags struct {
	selection
	clusterFlags
	axisFlags
	output       string
	reports      []string
	parallel     int
	seed         uint64
	within, hold time.Duration
	bundles      string
	onFailure    string
	pauseFor     time.Duration
	failFast     bool
	allowKnown   bool
	quiet        bool
	verbose      bool
}

func (r *runFlags) flags(f *pflag.FlagSet) {
	r.selection.flags(f)
	r.clusterFlags.flags(f)
	r.axisFlags.flags(f)
	f.StringVar(&r.rerunFailed, "rerun-failed", "", "only scenarios that failed or could not be told in this JSON report of an earlier run")
	f.StringVarP(&r.output, "output", "o", "text", "format of the report on standard output: "+formatNames())
	f.StringArrayVar(&r.reports, "report", nil, "also write the report as FORMAT=PATH (repeatable), on every exit path")
	f.StringVar(&r.bundles, "bundles", "", "folder for what is collected about each failure, or none (default: a new one in ./"+bundlesFolder+"/, made when something fails)")
	f.StringVar(&r.onFailure, "on-failure", onFailureContinue, "continue, or pause for a look at what stands: until Enter, an interrupt, or --pause-for is over")
	f.DurationVar(&r.pauseFor, "pause-for", 0, "how long --on-failure pause waits at the most (default: no limit)")
	f.IntVar(&r.parallel, "parallel", 0, "scenarios that run at once, each on a stage of its own (default: what suits the cluster)")
	f.Uint64Var(&r.seed, "seed", 0, "order of the scenarios; 0 draws one and prints it")
	f.DurationVar(&r.within, "within", 0, "how long a step's table may take to be reached (default: what suits the cluster)")
	f.DurationVar(&r.hold, "hold", 0, "how long a reached table must stay (default: what suits the cluster)")
	f.BoolVar(&r.allowKnown, "allow-known-deviations", false, "end with 0 where every failure is a known deviation of the CNI (see 'cniproof cni NAME')")
	f.BoolVar(&r.failFast, "fail-fast", false, "begin no scenario after one has failed")
	f.BoolVarP(&r.quiet, "quiet", "q", false, "no progress on standard error")
	f.BoolVarP(&r.verbose, "verbose", "v", false, "tell of every step as it ends, and leave nothing out of the text report for brevity")
}

func (a *app) runCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run scenarios on a cluster and report which verdicts it gets right",
		Example: `  cniproof run
  cniproof run --run '^canonical-' -v
  cniproof run --fault ignore-except --report junit=report.xml
  cniproof run -f my-scenarios/
  cniproof run --rerun-failed report.json
  cniproof run --cluster kind --cni calico
  cniproof run --cluster existing --context staging --nodes 4`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.run(cmd.Context(), &flags) },
	}
	flags.flags(cmd.Flags())
	return cmd
}

// run checks all input before it touches a cluster.
func (a *app) run(ctx context.Context, flags *runFlags) error {
	list, errScenarios := flags.load()
	if errors.Is(errScenarios, errNothingFailed) {
		a.notef("nothing failed in %s: nothing to run, and no report is written\n", flags.rerunFailed)
		return nil
	}
	outputs, errReports := parseReports(flags.output, flags.reports)
	provider, k, errCluster := flags.choose()
	axes, errAxes := flags.choice()
	if errScenarios == nil && errAxes == nil {
		list, errScenarios = mirrored(list, axes, flags.rerunFailed != "")
	}
	if err := errors.Join(errScenarios, errAxes, errReports, errCluster, checkBundles(flags.bundles), flags.checkPause()); err != nil {
		return badInput(err)
	}
	screen := newScreen(a, flags, len(list))
	defer screen.close()
	if err := k.enter(); err != nil {
		return a.noCluster(ctx, flags, screen, outputs, err)
	}
	c, err := provider.Open(ctx, screen.opening)
	if err != nil {
		return a.noCluster(ctx, flags, screen, outputs, err)
	}
	defer func() {
		if err := closeCluster(ctx, c); err != nil {
			a.notef("cniproof: closing the cluster: %v\n", err)
		}
	}()
	screen.cluster(c)
	bundles := newBundles(flags.bundles, c, screen)
	config := flags.config(c, list, k, func(e runner.Event) {
		if e.Ended != nil {
			bundles.ended(*e.Ended)
		}
		screen.event(e)
	})
	config.Axes, config.Promises = axes, flags.promises()
	config.OnFailure = (&pauser{
		bundles: bundles, screen: screen, cluster: c, wanted: flags.onFailure == onFailurePause, limit: flags.pauseFor,
	}).witness
	result := runner.Run(ctx, config)
	screen.close()
	in := flags.input(screen, result)
	in.Bundles = bundles.summary()
	err = a.finish(in, outputs, screen)
	if flags.keep && !k.stays && ctx.Err() == nil {
		a.notef("kept: what was deployed last still stands; press Ctrl-C to remove the cluster\n")
		<-ctx.Done()
	}
	return err
}

func (r *runFlags) config(c cluster.Cluster, list []*scenario.Scenario, k kindOfCluster, progress func(runner.Event)) runner.Config {
	if r.seed == 0 {
		r.seed = drawSeed()
	}
	if r.parallel <= 0 {
		r.parallel = k.suits(list)
	}
	return runner.Config{
		Cluster: c, Scenarios: list, Parallel: r.parallel, Seed: r.seed,
		Within: r.within, Hold: r.hold, FailFast: r.failFast, Keep: r.keep, Progress: progress,
	}
}

// noCluster ends a run that never began; its reports say why.
func (a *app) noCluster(ctx context.Context, flags *runFlags, s *screen, outputs []output, err error) error {
	in := flags.input(s, &judge.Run{Begin: s.begin, Interrupted: ctx.Err() != nil, Err: fmt.Sprintf("there is no cluster: %v", err)})
	return a.finish(in, outputs, s)
}

// input is what reports are made from.
func (r *runFlags) input(s *screen, result *judge.Run) report.Input {
	in := s.input(result)
	in.Library = r.library
	return in
}

// finish writes every report, and ends with the exit code of the run.
func (a *app) finish(in report.Input, outputs []output, screen *screen) error {
	var errs []error
	for _, o := range outputs {
		errs = append(errs, o.write(in, screen))
	}
	if err := errors.Join(errs...); err != nil {
		return infrastructure(err)
	}
	if code := in.ExitCode(); code != report.ExitPass {
		return &exit{code: code}
	}
	return nil
}

// closing is how long removing a cluster may take, also after an interrupt.
const closing = 3 * time.Minute

func closeCluster(ctx context.Context, c cluster.Cluster) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	return c.Close(ctx)
}

// drawSeed stays small enough to be typed again.
func drawSeed() uint64 {
	n, err := rand.Int(rand.Reader, big.NewInt(999_999))
	if err != nil {
		return 1
	}
	return n.Uint64() + 1
}

func formatNames() string {
	var names string
	for i, f := range report.Formats() {
		if i > 0 {
			names += ", "
		}
		names += f.Name
	}
	return names
}
