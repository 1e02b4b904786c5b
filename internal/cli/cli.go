// Package cli is the command line: one file per subcommand. It reads flags, calls
// the packages that do the work, and turns errors into exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/cniproof/cniproof/internal/report"
)

// exitBadInput is for a flag, a scenario or a manifest that is wrong: nothing was
// applied. The other exit codes are the report's.
const exitBadInput = 3

// exit is an error that carries an exit code. A nil err prints nothing.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func badInput(err error) error {
	if err == nil {
		return nil
	}
	return &exit{exitBadInput, err}
}

func infrastructure(err error) error {
	if err == nil {
		return nil
	}
	return &exit{report.ExitInconclusive, err}
}

// app is what the subcommands share.
type app struct {
	version        string
	program        string // as usage texts name it; "" stands for cniproof
	args           []string
	stdout, stderr io.Writer
}

// Main runs the command line, the program's own name first, and returns the process's
// exit code. The first interrupt ends a run in good order, a second one at once.
func Main(version string, argv []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	a := &app{version: version, program: programName(argv[0]), args: argv[1:], stdout: stdout, stderr: stderr}
	klog.SetLogger(logr.Discard()) // what client-go says to nobody in particular; errors come back as errors
	root := a.root()
	root.SetArgs(a.args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return report.ExitPass
	}
	var e *exit
	if !errors.As(err, &e) {
		e = &exit{exitBadInput, err} // cobra's own: an unknown flag or command
	}
	if e.err != nil {
		_, _ = fmt.Fprintf(stderr, "cniproof: %s\n", strings.TrimSuffix(e.err.Error(), "\n"))
	}
	return e.code
}

// programName is how a person calls the program: kubectl finds plugins by their file's name.
func programName(path string) string {
	if filepath.Base(path) == "kubectl-cniproof" {
		return "kubectl cniproof"
	}
	return ""
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "cniproof",
		Short: "Prove whether a cluster's network plugin enforces NetworkPolicy",
		Long: `cniproof deploys scenarios onto a cluster, tries every connection between probe
pods, and holds what really happened against what must happen.

Exit codes: 0 all pass; 1 a verdict is wrong; 2 inconclusive, or the
infrastructure failed; 3 bad input; 130 interrupted.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       a.version,
	}
	if a.program != "" {
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: a.program}
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.AddCommand(
		a.runCommand(),
		a.listCommand(),
		a.explainCommand(),
		a.expectCommand(),
		a.validateCommand(),
		a.importCommand(),
		a.matrixCommand(),
		a.diffCommand(),
		a.watchCommand(),
		a.benchCommand(),
		a.conformanceCommand(),
		a.cniCommand(),
		a.mirrorCommand(),
		a.faultsCommand(),
		a.cleanupCommand(),
		a.agentCommand(),
		a.sonobuoyCommand(),
	)
	return root
}

// printf writes to stdout; a reader that went away is no error of ours.
func (a *app) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stdout, format, args...)
}

func (a *app) notef(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stderr, format, args...)
}
