package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/embedded"
	"github.com/cniproof/cniproof/internal/cluster/embedded/engine"
)

// clusterFlags choose the cluster of a command.
type clusterFlags struct {
	name   string
	faults []string
}

func (c *clusterFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&c.name, "cluster", "embedded", "the cluster to run on: "+clusterNames())
	f.StringSliceVar(&c.faults, "fault", nil, "plant this fault into the embedded cluster's engine, to see that it is caught (repeatable; see `cniproof faults`)")
}

// kindOfCluster is one provider.
type kindOfCluster struct {
	name string
	// provider is made from the flags, and touches nothing.
	provider func(*clusterFlags) (cluster.Provider, error)
	// enter gives the process what opening a cluster needs. It may run the program
	// again, with more rights, and not return.
	enter func() error
	// stages is how many scenarios at once suit the cluster.
	stages int
}

func clusters() []kindOfCluster {
	return []kindOfCluster{
		{name: "embedded", provider: embeddedProvider, enter: embedded.Enter, stages: 8},
	}
}

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

func (c *clusterFlags) choose() (cluster.Provider, kindOfCluster, error) {
	k, err := c.kind()
	if err != nil {
		return nil, k, err
	}
	provider, err := k.provider(c)
	return provider, k, err
}

func (a *app) cleanupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cleanup",
		Short: "Remove what killed runs left behind",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			count := 0
			for _, k := range clusters() {
				provider, err := k.provider(&clusterFlags{name: k.name})
				if err != nil {
					return infrastructure(err)
				}
				removed, err := provider.Cleanup(cmd.Context())
				for _, name := range removed {
					a.printf("%s: removed %s\n", k.name, name)
				}
				if err != nil {
					return infrastructure(fmt.Errorf("cleaning up after %s clusters: %w", k.name, err))
				}
				count += len(removed)
			}
			if count == 0 {
				a.printf("nothing was left behind\n")
			}
			return nil
		},
	}
}
