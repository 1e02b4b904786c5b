package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/cniproof/cniproof/internal/cluster/agentimage"
)

// agentFlags say which agent to hand out, and how.
type agentFlags struct {
	archs        []string
	output, push string
	image, index bool
	pushing      bool // also to a reference that is empty, which is a mistake
}

func (a *app) agentCommand() *cobra.Command {
	var flags agentFlags
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Hand out the agent that matches this cniproof, for hosts and registries of your own",
		Long: `agent writes the agent's executable, for a host outside an existing cluster; with --image the image of the probe
pods, as an archive that "docker load", "ctr images import" and "crane push" read; with --index that image for several
architectures under one name, as an archive of an OCI image layout. --push uploads the latter to a registry, with the
credentials that "docker login" left, and prints its reference with the digest.`,
		Example: `  cniproof agent -o cniproof-agent && scp cniproof-agent lab1:
  cniproof agent --image -o agent.tar && ctr -n k8s.io images import agent.tar
  cniproof agent --push registry.example/agent:1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags.pushing = cmd.Flags().Changed("push")
			return a.agent(cmd.Context(), flags)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&flags.archs, "arch", nil, "architecture, by Go's name (default: this machine's; with --index and --push amd64,arm64)")
	f.BoolVar(&flags.image, "image", false, "the image of the probe pods, not the executable")
	f.BoolVar(&flags.index, "index", false, "the image of the probe pods for several architectures")
	f.StringVar(&flags.push, "push", "", "push the image for several architectures to this reference, REGISTRY/NAME:TAG")
	f.StringVarP(&flags.output, "output", "o", "-", "file to write; - is standard output")
	cmd.MarkFlagsMutuallyExclusive("image", "index", "push")
	cmd.MarkFlagsMutuallyExclusive("output", "push")
	return cmd
}

func (a *app) agent(ctx context.Context, flags agentFlags) error {
	switch {
	case flags.pushing:
		return a.pushAgent(ctx, flags)
	case flags.index:
		index, err := agentimage.NewIndex(ctx, several(flags.archs)...)
		if err != nil {
			return infrastructure(err)
		}
		return a.handOut(flags.output, index.Name, index.Save)
	case len(flags.archs) > 1:
		return badInput(fmt.Errorf("--arch: one architecture, not %q; --index puts several under one name", flags.archs))
	}
	image, err := agentimage.New(ctx, cmp.Or(strings.Join(flags.archs, ""), runtime.GOARCH))
	if err != nil {
		return infrastructure(err)
	}
	if flags.image {
		return a.handOut(flags.output, image.Name, image.Save)
	}
	return a.handOut(flags.output, "", func(w io.Writer) error {
		_, err := w.Write(image.Agent())
		return err
	})
}

// several are the architectures of an image that is for more than one, each once.
func several(archs []string) []string {
	if len(archs) == 0 {
		return []string{"amd64", "arm64"}
	}
	return slices.Compact(slices.Sorted(slices.Values(archs)))
}

func (a *app) pushAgent(ctx context.Context, flags agentFlags) error {
	to, err := name.NewTag(flags.push, name.WithDefaultTag(""))
	if err != nil || to.TagStr() == "" {
		return badInput(fmt.Errorf("--push: %q is not REGISTRY/NAME:TAG", flags.push))
	}
	index, err := agentimage.NewIndex(ctx, several(flags.archs)...)
	if err != nil {
		return infrastructure(err)
	}
	pinned, err := index.Push(ctx, to)
	if err != nil {
		return infrastructure(err)
	}
	_, err = fmt.Fprintln(a.stdout, pinned)
	return infrastructure(err)
}

// handOut writes a file, and says what image it holds, if one.
func (a *app) handOut(output, image string, write func(io.Writer) error) error {
	if output == "-" {
		if f, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return badInput(errors.New("standard output is a terminal: name a file with --output"))
		}
		return infrastructure(write(a.stdout))
	}
	if err := writeFile(output, write); err != nil {
		return infrastructure(err)
	}
	if image != "" {
		a.notef("%s holds the image %s\n", output, image)
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
