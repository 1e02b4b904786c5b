package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/pflag"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/kind"
	"github.com/cniproof/cniproof/internal/cluster/plugins"
	"github.com/cniproof/cniproof/internal/cni"
	"github.com/cniproof/cniproof/internal/fetch"
	"github.com/cniproof/cniproof/internal/mirror"
)

// kindFlags are about clusters that cniproof makes with kind.
type kindFlags struct {
	cni, cniManifest      string
	mirror                string
	kubernetes, nodeImage string
	shape                 string
	clusterName           string
	reuse, kept           bool
}

func (k *kindFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&k.cni, "cni", "", "kind: the network plugin to install and test (see 'cniproof cni')")
	f.StringVar(&k.cniManifest, "cni-manifest", "", "kind: install this manifest, or entry of a catalog, instead of a plugin of the catalog")
	f.StringVar(&k.mirror, "mirror", "", "kind: take images and manifests from this folder, not from registries (see 'cniproof mirror'); also: its catalog's entries")
	f.StringVar(&k.kubernetes, "kubernetes", "", "kind: version of Kubernetes (default: the newest of the mirror, or kind's own)")
	f.StringVar(&k.nodeImage, "node-image", "", "kind: image of the nodes, instead of --kubernetes")
	f.StringVar(&k.shape, "kind-config", "two-node", fmt.Sprintf("kind: shape of the cluster, one of %v, or a kind configuration of your own", kind.Shapes()))
	f.StringVar(&k.clusterName, "name", "", "kind: name of the cluster (default: a new one)")
	f.BoolVar(&k.reuse, "reuse", false, "kind: take the cluster --name if it is there, and leave it")
}

// source is where plugins come from: the mirror, or the network.
func (k *kindFlags) source() (*mirror.Mirror, cni.Source, cni.Catalog, error) {
	if k.mirror == "" {
		catalog, err := cni.Load()
		return nil, fetch.HTTP{}, catalog, err
	}
	m, err := mirror.Open(k.mirror)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("--mirror: %w", err)
	}
	catalog, err := cni.Load(m.Catalog())
	for _, e := range catalog {
		err = errors.Join(err, fits(e))
	}
	return m, m, catalog, err
}

// entry is the plugin to test.
func (k *kindFlags) entry(catalog cni.Catalog) (cni.Entry, error) {
	switch {
	case k.cni != "" && k.cniManifest != "":
		return cni.Entry{}, errors.New("--cni-manifest: it replaces --cni, so give one of the two")
	case k.cniManifest != "":
		e, err := cni.FromFile(k.cniManifest)
		if err == nil {
			err = fits(e)
		}
		if err != nil {
			err = fmt.Errorf("--cni-manifest: %w", err)
		}
		return e, err
	case k.cni == "":
		return cni.Entry{}, errors.New("--cni: which network plugin is to be tested? `cniproof cni` lists them; --cni-manifest installs another one")
	}
	e, err := catalog.Get(k.cni)
	if err != nil {
		err = fmt.Errorf("--cni: %w", err)
	}
	return e, err
}

// kindProvider without --cluster kind is that of `cleanup`, which installs nothing.
func kindProvider(c *clusterFlags) (cluster.Provider, error) {
	if c.name != "kind" {
		return kind.New(kind.Options{Name: c.clusterName, Kept: c.kept}), nil
	}
	m, source, catalog, err := c.source()
	if err != nil {
		return nil, err
	}
	e, errEntry := c.entry(catalog)
	var errs []error
	if c.reuse && c.clusterName == "" {
		errs = append(errs, errors.New("--reuse: which cluster? name it with --name"))
	}
	if c.kubernetes != "" && c.nodeImage != "" {
		errs = append(errs, errors.New("--node-image: it replaces --kubernetes, so give one of the two"))
	}
	if err := kind.CheckShape(c.shape); err != nil {
		errs = append(errs, fmt.Errorf("--kind-config: %w", err))
	}
	if err := errors.Join(append(errs, errEntry)...); err != nil {
		return nil, err
	}
	return kind.New(kind.Options{
		Name: c.clusterName, Config: c.shape, Reuse: c.reuse, Keep: c.keep, Nodes: c.nodes, Kubeconfig: c.kubeconfig,
		Node: plugins.Node(m, c.nodeImage, c.kubernetes), Plugin: plugins.Installable(e, source), Archive: plugins.Archive(m),
	}), nil
}

// readable says what is wrong with a file that was named, or nil.
func readable(path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no file %q", path)
	}
	return nil
}
