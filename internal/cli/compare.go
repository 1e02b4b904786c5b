package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cniproof/cniproof/internal/compare"
	"github.com/cniproof/cniproof/internal/report"
)

func (a *app) matrixCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "matrix REPORT.json...",
		Short: "Set the results of several clusters beside one another",
		Long: `matrix reads JSON reports of runs on several clusters (run --report json=PATH), and shows every scenario on
every cluster, those in which they differ first.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error {
			runs, err := readReports(output, compare.MatrixFormats(), paths)
			if err != nil {
				return err
			}
			return infrastructure(compare.WriteMatrix(a.stdout, compare.NewMatrix(runs), output))
		},
	}
	comparisonOutput(cmd, &output, compare.MatrixFormats())
	return cmd
}

func (a *app) diffCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "diff BEFORE.json AFTER.json",
		Short: "Say what changed between two runs, and whether it got worse",
		Long: `diff compares two JSON reports (run --report json=PATH), say from before and after an upgrade. It exits with 1
where something is worse: a scenario fails or cannot be told that did not before, one is not judged any more, or the
later run is not complete.`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, paths []string) error {
			runs, err := readReports(output, compare.Formats(), paths)
			if err != nil {
				return err
			}
			d := compare.NewDiff(runs[0], runs[1])
			if err := compare.WriteDiff(a.stdout, d, output); err != nil {
				return infrastructure(err)
			}
			if d.Regressed() {
				return &exit{code: report.ExitFail}
			}
			return nil
		},
	}
	comparisonOutput(cmd, &output, compare.Formats())
	return cmd
}

func comparisonOutput(cmd *cobra.Command, output *string, formats []string) {
	cmd.Flags().StringVarP(output, "output", "o", "text", strings.Join(formats, ", "))
}

func readReports(output string, formats, paths []string) ([]report.Document, error) {
	if !slices.Contains(formats, output) {
		return nil, badInput(fmt.Errorf("--output: there is no format %q, only %s", output, strings.Join(formats, ", ")))
	}
	runs, err := compare.Read(paths...)
	return runs, badInput(err)
}
