package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/internal/vigil"
)

// watchFlags are the flags of `watch`.
type watchFlags struct {
	clusterFlags
	files    []string
	run      string
	step     int
	interval time.Duration
	until    string
	length   time.Duration
	command  string
	linger   time.Duration
	restart  time.Duration
	output   string
	reports  []string
	quiet    bool

	deadline time.Time
}

func (a *app) watchCommand() *cobra.Command {
	var flags watchFlags
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Keep allowed and denied flows going while somebody upgrades the cluster",
		Long: `watch deploys probes and policies of its own, tries every flow again and again, and
says at the end which verdict was wrong, where, and from when to when: leaks, denied
flows that connected, and disruptions, allowed flows that were closed. What could not
be told counts as neither. It ends after --for or --until, with --command, or on
Ctrl-C, and always removes what it deployed.

Exit codes: 0 nothing wrong was seen; 1 a leak or a disruption was; 2 something could
not be told, the infrastructure or the command failed; 3 bad input; 130 interrupted
before the flows were settled.`,
		Example: `  cniproof watch --cluster existing
  cniproof watch --cluster existing --command 'helm upgrade cilium cilium/cilium -n kube-system --wait'
  cniproof watch --cluster existing -f shop.yaml --until 06:00 --report json=night.json
  cniproof watch --cluster kind --cni calico --for 2m --restart-cni 20s
  cniproof watch --for 20s --fault flapping`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.watch(cmd.Context(), &flags) },
	}
	f := cmd.Flags()
	flags.clusterFlags.flags(f)
	f.StringArrayVarP(&flags.files, "file", "f", nil, "a scenario file of your own whose flows to watch (see 'cniproof import')")
	f.StringVar(&flags.run, "run", "", "a scenario to watch, by a regular expression that matches the name of one (default: a small set of flows on one node and across)")
	f.IntVar(&flags.step, "step", 0, "the step of the scenario to hold, counted from 1 (default: the one that denies most)")
	f.DurationVar(&flags.interval, "interval", 100*time.Millisecond, "how often every flow is tried; one that changes is tried again after 10ms")
	f.StringVar(&flags.until, "until", "", "watch until this time: 2026-05-01T06:00:00Z, or 06:00 for the next time that it is")
	f.DurationVar(&flags.length, "for", 0, "watch for so long")
	f.StringVar(&flags.command, "command", "", "watch while this command runs, in the shell; its output goes to standard error")
	f.DurationVar(&flags.linger, "linger", 5*time.Second, "with --command: go on for so long after it has ended")
	f.DurationVar(&flags.restart, "restart-cni", 0, "restart the network plugin's agents so long after the begin")
	f.StringVarP(&flags.output, "output", "o", "text", "format of the report on standard output: text, json")
	f.StringArrayVar(&flags.reports, "report", nil, "also write the report as FORMAT=PATH (repeatable), on every exit path")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, "nothing on standard error while it goes on")
	return cmd
}

// shortestInterval and longestInterval are the bounds of --interval.
const (
	shortestInterval = 20 * time.Millisecond
	longestInterval  = 10 * time.Second
)

func (f *watchFlags) check(now time.Time) error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	ends := 0
	for _, given := range []bool{f.until != "", f.length != 0, f.command != ""} {
		if given {
			ends++
		}
	}
	wrong(ends > 1, "--for, --until and --command: each says when the watch ends, so give one of them")
	wrong(f.length < 0, "--for: must be above zero")
	wrong(f.linger < 0, "--linger: must not be below zero")
	wrong(f.restart < 0, "--restart-cni: must not be below zero")
	wrong(f.step < 0, "--step: steps are counted from 1")
	wrong(f.interval < shortestInterval || f.interval > longestInterval, "--interval: must be from %s to %s", shortestInterval, longestInterval)
	if f.until != "" {
		var err error
		if f.deadline, err = parseUntil(f.until, now); err != nil {
			errs = append(errs, fmt.Errorf("--until: %w", err))
		}
	}
	return errors.Join(errs...)
}

// parseUntil reads a time, or a time of day that comes next.
func parseUntil(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		if !at.After(now) {
			return at, fmt.Errorf("%q is over", text)
		}
		return at, nil
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		clock, err := time.ParseInLocation(layout, text, now.Location())
		if err != nil {
			continue
		}
		at := time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, now.Location())
		if !at.After(now) {
			at = at.AddDate(0, 0, 1)
		}
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%q is neither a time like 2026-05-01T06:00:00Z nor a time of day like 06:00", text)
}

// scenario is the one to watch.
func (f *watchFlags) scenario() (*scenario.Scenario, error) {
	if len(f.files) == 0 && f.run == "" {
		s, err := runner.Canonical()
		return s, infrastructure(err)
	}
	sel := selection{files: f.files, run: f.run}
	list, err := sel.load()
	if err != nil {
		return nil, err
	}
	if len(list) > 1 {
		return nil, badInput(fmt.Errorf("%d scenarios are selected (%s, %s ...): one can be watched at a time, so name it with --run", len(list), list[0].Name, list[1].Name))
	}
	return list[0], f.fits(list[0])
}

func (f *watchFlags) fits(s *scenario.Scenario) error {
	if f.step > len(s.Steps) {
		return badInput(fmt.Errorf("--step: scenario %s has %s", s.Name, plural(len(s.Steps), "step")))
	}
	if !s.Level.Scored() {
		return badInput(fmt.Errorf("scenario %s has level %s: no specification settles its flows, so none can be called wrong", s.Name, s.Level))
	}
	_, err := tables(s)
	return err
}

// watch checks all input before it touches a cluster.
func (a *app) watch(ctx context.Context, flags *watchFlags) error {
	errFlags := flags.check(time.Now())
	s, errScenario := flags.scenario()
	outputs, errReports := parseOutputs(watchFormats(), flags.output, flags.reports)
	provider, k, errCluster := flags.choose()
	if err := errors.Join(errFlags, errScenario, errReports, errCluster); err != nil {
		return badInput(err)
	}
	w := &watchScreen{app: a, quiet: flags.quiet}
	about := vigil.About{Tool: a.version, Scenario: s.Name}
	c, err := enterAndOpen(ctx, provider, k, w.say)
	if err != nil {
		r := &vigil.Report{Interval: flags.interval, Trouble: fmt.Sprintf("there is no cluster: %v", err), Interrupted: ctx.Err() != nil}
		return a.conclude(r, about, outputs)
	}
	defer func() {
		if err := closeCluster(ctx, c); err != nil {
			a.notef("cniproof: closing the cluster: %v\n", err)
		}
	}()
	about.Cluster = named(c)
	report := runner.Watch(ctx, runner.Vigil{
		Cluster: c, Scenario: s, Step: flags.step, Interval: flags.interval, Keep: flags.keep,
		Restart: flags.restart, Enough: flags.enough(a), Say: w.say, Begun: w.begin,
	})
	w.end()
	return a.conclude(report, about, outputs)
}

// enterAndOpen gets what a kind of cluster needs, and opens one; say is told what goes on.
func enterAndOpen(ctx context.Context, provider cluster.Provider, k kindOfCluster, say func(string)) (cluster.Cluster, error) {
	if err := k.enter(); err != nil {
		return nil, err
	}
	return provider.Open(ctx, say)
}

// named says what is watched.
func named(c cluster.Cluster) string {
	d := c.Description()
	text := d.Provider + ", Kubernetes " + d.Kubernetes + ", "
	if d.Reference {
		text += "the reference engine, not a CNI"
	} else {
		text += d.Implementation + " " + d.Version
	}
	if len(d.Faults) > 0 {
		text += fmt.Sprintf(", faults planted on purpose: %v", d.Faults)
	}
	return text
}

// conclude writes every report, and ends with the exit code of the watch.
func (a *app) conclude(r *vigil.Report, about vigil.About, outputs []output) error {
	var errs []error
	for _, o := range outputs {
		errs = append(errs, o.writeTo(a.stdout, func(w io.Writer, format string) error { return formatWatch(w, format, r, about) }))
	}
	if err := errors.Join(errs...); err != nil {
		return infrastructure(err)
	}
	if code := r.ExitCode(); code != vigil.ExitQuiet {
		return &exit{code: code}
	}
	return nil
}
