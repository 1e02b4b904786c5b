package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cniproof/cniproof/internal/cni"
	"github.com/cniproof/cniproof/internal/fetch"
	"github.com/cniproof/cniproof/internal/mirror"
)

func (a *app) mirrorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mirror",
		Short: "Fill and check a folder that stands in for image registries and download servers",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.mirrorPullCommand(), a.mirrorVerifyCommand())
	return cmd
}

// pullFlags say what a mirror is to hold.
type pullFlags struct {
	dir        string
	cnis       []string
	manifest   string
	kubernetes []string
	images     []string
}

func (a *app) mirrorPullCommand() *cobra.Command {
	var flags pullFlags
	cmd := &cobra.Command{
		Use:   "pull",
		Short: "Fetch what CNIs and kind clusters are made of into a mirror",
		Long: `Fetches manifests, charts and images of CNIs, and images of kind nodes, on a machine
that reaches their servers. mirror.yaml locks the digest of everything that was seen:
a later pull that sees another one under the same name refuses it. A pull that was
interrupted goes on where it ended.`,
		Example: `  cniproof mirror pull --mirror lab --cni calico,cilium,none --kubernetes 1.36.3
  cniproof run --cluster kind --mirror lab --cni calico`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.mirrorPull(cmd.Context(), flags) },
	}
	f := cmd.Flags()
	f.StringVar(&flags.dir, "mirror", "", "the folder; it is made if need be")
	f.StringSliceVar(&flags.cnis, "cni", nil, "CNIs of the catalog (repeatable; see 'cniproof cni')")
	f.StringVar(&flags.manifest, "cni-manifest", "", "also the images and downloads of the CNI of this file")
	f.StringSliceVar(&flags.kubernetes, "kubernetes", nil, "kind's node image of this version, such as 1.36.3 (repeatable), or VERSION=IMAGE for another one")
	f.StringSliceVar(&flags.images, "image", nil, "also this image (repeatable)")
	return cmd
}

func (a *app) mirrorPull(ctx context.Context, flags pullFlags) error {
	entries, nodes, err := flags.read()
	if err != nil {
		return badInput(err)
	}
	want := mirror.Wanted{Images: flags.images, Nodes: nodes}
	source := fetch.HTTP{}
	for _, e := range entries {
		want.Items = append(want.Items, e.Downloads()...)
	}
	// The manifests and charts first: they say which images there are.
	progress := func(line string) { a.printf("%s\n", line) }
	if err := mirror.Pull(ctx, flags.dir, mirror.Wanted{Items: want.Items}, source, progress); err != nil {
		return infrastructure(err)
	}
	m, err := mirror.Open(flags.dir)
	if err != nil {
		return infrastructure(err)
	}
	for _, e := range entries {
		images, err := e.AllImages(ctx, m)
		if err != nil {
			return infrastructure(err)
		}
		want.Images = append(want.Images, images...)
	}
	want.Items = nil
	return infrastructure(mirror.Pull(ctx, flags.dir, want, source, progress))
}

// read checks all input before anything is fetched.
func (f pullFlags) read() ([]cni.Entry, []mirror.Node, error) {
	var errs []error
	if f.dir == "" {
		errs = append(errs, errors.New("--mirror: which folder?"))
	}
	catalog, err := cni.Load()
	errs = append(errs, err)
	var entries []cni.Entry
	for _, name := range f.cnis {
		e, err := catalog.Get(name)
		if err == nil && e.Manual != "" {
			err = fmt.Errorf("%s cannot be installed from here: %s", name, e.Manual)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("--cni: %w", err))
		}
		entries = append(entries, e)
	}
	if f.manifest != "" {
		e, err := cni.FromFile(f.manifest)
		if err != nil {
			errs = append(errs, fmt.Errorf("--cni-manifest: %w", err))
		}
		entries = append(entries, e)
	}
	var nodes []mirror.Node
	for _, text := range f.kubernetes {
		n, err := nodeImage(text)
		errs = append(errs, err)
		nodes = append(nodes, n)
	}
	if len(entries)+len(nodes)+len(f.images) == 0 {
		errs = append(errs, errors.New("nothing to pull: give --cni, --kubernetes, --cni-manifest or --image"))
	}
	return entries, nodes, errors.Join(errs...)
}

var fullVersion = regexp.MustCompile(`^v\d+\.\d+\.\d+$`)

// nodeImage reads VERSION or VERSION=IMAGE. kind publishes its node images as
// docker.io/kindest/node:VERSION.
func nodeImage(text string) (mirror.Node, error) {
	version, image, given := strings.Cut(text, "=")
	version = "v" + strings.TrimPrefix(version, "v")
	if !fullVersion.MatchString(version) {
		return mirror.Node{}, fmt.Errorf("--kubernetes: %q must be a whole version such as 1.36.3", text)
	}
	if !given {
		image = "docker.io/kindest/node:" + version
	}
	return mirror.Node{Kubernetes: version, Image: image}, nil
}

func (a *app) mirrorVerifyCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that a mirror is whole: every file is there and what it was",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := mirror.Open(dir)
			if err != nil {
				return badInput(err)
			}
			if _, err := cni.Load(m.Catalog()); err != nil {
				return badInput(fmt.Errorf("the catalog of mirror %q: %w", dir, err))
			}
			if err := m.Verify(cmd.Context()); err != nil {
				return infrastructure(err)
			}
			x := m.Index()
			a.printf("%s, %s, %s: nothing is missing or changed\n",
				plural(len(x.Nodes), "node image"), plural(len(x.Manifests), "manifest"), plural(len(x.Images), "image"))
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "mirror", "", "the folder")
	_ = cmd.MarkFlagRequired("mirror") // the flag exists
	return cmd
}
