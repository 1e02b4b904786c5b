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
later run is not complete.

It also compares two reports of latencies (bench latency --report json=PATH). There something is worse where a change
takes longer beyond noise, is not followed any more or not measured any more, or the later report is not complete.
Where no change was measured often enough in both to compare, it exits with 2.`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, paths []string) error {
			if compare.AreLatencies(paths...) {
				return a.diffLatencies(output, paths)
			}
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

func (a *app) diffLatencies(output string, paths []string) error {
	if err := checkFormat(output, compare.Formats()); err != nil {
		return err
	}
	reports, err := compare.ReadLatencies(paths...)
	if err != nil {
		return badInput(err)
	}
	d := compare.NewLatencyDiff(reports[0], reports[1])
	if err := compare.WriteLatencyDiff(a.stdout, d, output); err != nil {
		return infrastructure(err)
	}
	switch {
	case d.Regressed():
		return &exit{code: report.ExitFail}
	case !d.Compared():
		return &exit{code: report.ExitInconclusive}
	}
	return nil
}

func comparisonOutput(cmd *cobra.Command, output *string, formats []string) {
	cmd.Flags().StringVarP(output, "output", "o", "text", strings.Join(formats, ", "))
}

func readReports(output string, formats, paths []string) ([]report.Document, error) {
	if err := checkFormat(output, formats); err != nil {
		return nil, err
	}
	runs, err := compare.Read(paths...)
	return runs, badInput(err)
}

func checkFormat(output string, formats []string) error {
	if slices.Contains(formats, output) {
		return nil
	}
	return badInput(fmt.Errorf("--output: there is no format %q, only %s", output, strings.Join(formats, ", ")))
}
