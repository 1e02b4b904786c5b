package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/cniproof/cniproof/internal/cluster/agentimage"
)

// agentFlags say which agent to hand out.
type agentFlags struct {
	arch, output string
	image        bool
}

func (a *app) agentCommand() *cobra.Command {
	var flags agentFlags
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Hand out the agent that matches this cniproof, for hosts and registries of your own",
		Long: `agent writes the agent's executable, for a host outside an existing cluster, or with --image the image of the probe
pods, as an archive that "docker load", "ctr images import" and "crane push" read.`,
		Example: `  cniproof agent -o cniproof-agent && scp cniproof-agent lab1:
  cniproof agent --image -o agent.tar && ctr -n k8s.io images import agent.tar`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.agent(cmd.Context(), flags) },
	}
	f := cmd.Flags()
	f.StringVar(&flags.arch, "arch", "", "architecture, by Go's name (default: this machine's)")
	f.BoolVar(&flags.image, "image", false, "the image of the probe pods, not the executable")
	f.StringVarP(&flags.output, "output", "o", "-", "file to write; - is standard output")
	return cmd
}

func (a *app) agent(ctx context.Context, flags agentFlags) error {
	image, err := agentimage.New(ctx, cmp.Or(flags.arch, runtime.GOARCH))
	if err != nil {
		return infrastructure(err)
	}
	write := func(w io.Writer) error {
		if flags.image {
			return image.Save(w)
		}
		_, err := w.Write(image.Agent())
		return err
	}
	if flags.output == "-" {
		if f, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return badInput(errors.New("standard output is a terminal: name a file with --output"))
		}
		return infrastructure(write(a.stdout))
	}
	if err := writeFile(flags.output, write); err != nil {
		return infrastructure(err)
	}
	if flags.image {
		a.notef("%s holds the image %s\n", flags.output, image.Name)
	}
	return nil
}

// writeFile leaves no half-written file.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755) //nolint:gosec // the user's own choice; an agent is to be run
	if err != nil {
		return err
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return errors.Join(fmt.Errorf("writing %q: %w", path, err), os.Remove(path))
	}
	return nil
}
