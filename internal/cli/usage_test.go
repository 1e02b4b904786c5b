package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// In the help of a flag, a word in backquotes is taken for the name of its value.
func TestUsageHasNoBackquotes(t *testing.T) {
	a := &app{stdout: io.Discard, stderr: io.Discard}
	seen := 0
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			seen++
			if strings.Contains(f.Usage, "`") {
				t.Errorf("%s --%s: %s", cmd.CommandPath(), f.Name, f.Usage)
			}
		})
		for _, c := range cmd.Commands() {
			look(c)
		}
	}
	look(a.root())
	if seen == 0 {
		t.Error("no flag was looked at")
	}
}
