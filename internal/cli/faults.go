package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cniproof/cniproof/internal/cluster/embedded/engine"
)

func (a *app) faultsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "faults",
		Short: "List the faults that can be planted into the embedded cluster (run --fault)",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			for _, f := range engine.AllFaults() {
				_, _ = fmt.Fprintf(w, "%s\t%s\n", f.Name, f.Sentence)
			}
			return w.Flush()
		},
	}
}
