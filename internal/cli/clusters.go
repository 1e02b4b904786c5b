package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/embedded"
	"github.com/cniproof/cniproof/internal/cluster/embedded/engine"
	"github.com/cniproof/cniproof/internal/scenario"
)

// clusterFlags choose the cluster of a command.
type clusterFlags struct {
	name   string
	faults []string
	keep   bool
	nodes  int
	kindFlags
	existingFlags

	set *pflag.FlagSet // to see what was given
}

func (c *clusterFlags) flags(f *pflag.FlagSet) {
	c.set = f
	f.StringVar(&c.name, "cluster", "embedded", "the cluster to run on: "+clusterNames())
	f.StringSliceVar(&c.faults, "fault", nil, "embedded: plant this fault into the engine, to see that it is caught (repeatable; see 'cniproof faults')")
	f.BoolVar(&c.keep, "keep", false, "leave what was deployed last, and a kind cluster too; the embedded cluster waits for an interrupt before it goes")
	f.IntVar(&c.nodes, "nodes", 2, "kind, existing: spread scenarios over pairs of up to this many nodes")
	c.kindFlags.flags(f)
	c.existingFlags.flags(f)
}

// kindOfCluster is one provider.
type kindOfCluster struct {
	name string
	// provider is made from the flags, and touches nothing.
	provider func(*clusterFlags) (cluster.Provider, error)
	// enter gives the process what opening a cluster needs. It may run the program
	// again, with more rights, and not return.
	enter func() error
	// stages is how many scenarios at once suit the cluster, watched how many that watch
	// flows every 10 ms.
	stages, watched int
	// stays is true where a cluster that is kept is there without this process.
	stays bool
	// own are the flags that only some clusters know, this one among them.
	own []string
}

// suits is how many of these scenarios may run at once where nobody says so.
func (k kindOfCluster) suits(list []*scenario.Scenario) int {
	if slices.ContainsFunc(list, func(s *scenario.Scenario) bool { return !s.Dynamic() }) {
		return k.stages
	}
	return k.watched
}

func clusters() []kindOfCluster {
	return []kindOfCluster{
		{name: "embedded", provider: embeddedProvider, enter: embedded.Enter, stages: 12, watched: 12, own: []string{"fault"}},
		{name: "kind", provider: kindProvider, enter: ready, stages: 6, watched: 1, stays: true, own: []string{
			"nodes", "cni", "cni-manifest", "mirror", "kubernetes", "node-image", "kind-config", "name", "reuse", "kubeconfig",
		}},
		{name: "existing", provider: existingProvider, enter: ready, stages: 6, watched: 1, stays: true, own: []string{
			"nodes", "mirror", "kubeconfig", "context", "external-host", "agent-image",
		}},
	}
}

// ready is for clusters that need nothing of this process.
func ready() error { return nil }

func embeddedProvider(c *clusterFlags) (cluster.Provider, error) {
	faults, err := engine.ParseFaults(c.faults)
	if err != nil {
		return nil, fmt.Errorf("--fault: %w", err)
	}
	return embedded.New(embedded.Options{Faults: faults}), nil
}

func clusterNames() string {
	var names []string
	for _, k := range clusters() {
		names = append(names, k.name)
	}
	return strings.Join(names, ", ")
}

func (c *clusterFlags) kind() (kindOfCluster, error) {
	for _, k := range clusters() {
		if k.name == c.name {
			return k, nil
		}
	}
	return kindOfCluster{}, fmt.Errorf("--cluster: there is no cluster %q, only %s", c.name, clusterNames())
}

// misplaced are the flags that were given and that this cluster does not know.
func (c *clusterFlags) misplaced(k kindOfCluster) error {
	var errs []error
	homes := map[string][]string{}
	for _, other := range clusters() {
		for _, flag := range other.own {
			homes[flag] = append(homes[flag], other.name)
		}
	}
	for _, flag := range slices.Sorted(maps.Keys(homes)) {
		if c.set.Changed(flag) && !slices.Contains(k.own, flag) {
			errs = append(errs, fmt.Errorf("--%s: the %s cluster has no such thing; it is for --cluster %s", flag, k.name, strings.Join(homes[flag], " or ")))
		}
	}
	return errors.Join(errs...)
}

func (c *clusterFlags) choose() (cluster.Provider, kindOfCluster, error) {
	k, err := c.kind()
	if err != nil {
		return nil, k, err
	}
	if err := c.misplaced(k); err != nil {
		return nil, k, err
	}
	provider, err := k.provider(c)
	return provider, k, err
}

func (a *app) cleanupCommand() *cobra.Command {
	var flags clusterFlags
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Remove what killed runs left behind",
		Long: `cleanup removes what runs left behind that were killed: processes of embedded clusters, kind clusters with their
containers and networks, and namespaces on the cluster that the kubeconfig leads to. It never touches what belongs to
a run that is alive; to tell, it may have to watch an existing cluster for 40 seconds.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.cleanup(cmd.Context(), &flags) },
	}
	f := cmd.Flags()
	f.StringVar(&flags.clusterName, "name", "", "only the kind cluster of this name, even if it was kept or its owner cannot be looked for from here")
	f.BoolVar(&flags.kept, "kept", false, "kind clusters that were kept, too")
	f.StringVar(&flags.kubeconfig, "kubeconfig", "", "the existing cluster to look at (default: kubectl's)")
	f.StringVar(&flags.context, "context", "", "the context of the kubeconfig (default: the current one)")
	return cmd
}

func (a *app) cleanup(ctx context.Context, flags *clusterFlags) error {
	count := 0
	var errs []error
	for _, k := range clusters() {
		provider, err := k.provider(flags)
		if err != nil {
			return infrastructure(err)
		}
		removed, err := provider.Cleanup(ctx)
		for _, name := range removed {
			a.printf("%s: removed %s\n", k.name, name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("cleaning up after %s clusters: %w", k.name, err))
		}
		count += len(removed)
	}
	if count == 0 && len(errs) == 0 {
		a.printf("nothing was left behind\n")
	}
	return infrastructure(errors.Join(errs...))
}
