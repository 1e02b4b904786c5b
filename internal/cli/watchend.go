package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/cniproof/cniproof/internal/vigil"
)

// enough says when the watch ends: at a time, after a while, with a command, or only
// with its context.
func (f *watchFlags) enough(a *app) func(context.Context) *vigil.Command {
	return func(ctx context.Context) *vigil.Command {
		switch {
		case f.command != "":
			c := a.execute(ctx, f.command)
			waitFor(ctx, f.linger)
			return c
		case f.length > 0:
			waitFor(ctx, f.length)
		case !f.deadline.IsZero():
			waitFor(ctx, time.Until(f.deadline))
		default:
			<-ctx.Done()
		}
		return nil
	}
}

func waitFor(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// stopping is how long a command may take to end after an interrupt.
const stopping = 10 * time.Second

// execute runs a command in the shell. Where the watch ends first it is interrupted.
func (a *app) execute(ctx context.Context, text string) *vigil.Command {
	cmd := exec.CommandContext(ctx, "sh", "-c", text) //nolint:gosec // the user's own command
	cmd.Stdout, cmd.Stderr = a.stderr, a.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopping
	begin := time.Now()
	err := cmd.Run()
	c := &vigil.Command{Text: text, Took: time.Since(begin)}
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		c.Exit = ended.ExitCode()
	case err != nil:
		c.Exit = -1
		a.notef("the command could not be run: %v\n", err)
	}
	return c
}

func watchFormats() []string { return []string{"text", "json"} }

func formatWatch(w io.Writer, format string, r *vigil.Report, about vigil.About) error {
	if format == "json" {
		return vigil.WriteJSON(w, r, about)
	}
	if _, err := fmt.Fprintf(w, "cniproof   %s\nscenario   %s\ncluster    %s\n", about.Tool, about.Scenario, about.Cluster); err != nil {
		return err
	}
	return vigil.WriteText(w, r)
}
