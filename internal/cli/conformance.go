package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/cniproof/cniproof/internal/conformance"
	"github.com/cniproof/cniproof/internal/report"
)

func (a *app) conformanceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "conformance",
		Short: "Make, check and show conformance reports, which an implementation publishes",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.conformanceReportCommand(), a.conformanceVerifyCommand(), a.conformanceBadgeCommand())
	return cmd
}

func (a *app) conformanceReportCommand() *cobra.Command {
	var about conformance.Implementation
	var output string
	cmd := &cobra.Command{
		Use:   "report RUN.json...",
		Short: "Make a conformance report out of JSON reports of runs",
		Long: `report makes a conformance report out of JSON reports (run --report json=PATH). Several are the parts of one run
(--shard) or its repetitions; a scenario that passes in one and fails in another has failed.

It ends with 1 where the runs do not add up, and where what they show is no conformance: the reference engine, planted
faults, an interrupted run, a cniproof built from sources that nobody else has. The report then says why.`,
		Example: `  cniproof conformance report run.json --organization example --project example-cni --version v1.2.3 \
    --url https://example.com --contact https://example.com/maintainers -o report.yaml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error { return a.conformanceReport(about, output, paths) },
	}
	f := cmd.Flags()
	f.StringVar(&about.Organization, "organization", "", "who maintains the implementation")
	f.StringVar(&about.Project, "project", "", "name of the implementation")
	f.StringVar(&about.Version, "version", "", "version of the implementation; where the runs recognised one, the same")
	f.StringVar(&about.URL, "url", "", "address of the project's page")
	f.StringArrayVar(&about.Contact, "contact", nil, "whom to ask: an address of mail or of a page, or an @name (repeatable)")
	f.StringVarP(&output, "output", "o", "-", "file to write; - is standard output")
	return cmd
}

func (a *app) conformanceReport(about conformance.Implementation, output string, paths []string) error {
	var errs []error
	for _, p := range about.Check() {
		errs = append(errs, fmt.Errorf("--%s: %s", p.Field, p.Message))
	}
	sources, err := conformance.ReadRuns(paths...)
	if err := errors.Join(append(errs, err)...); err != nil {
		return badInput(err)
	}
	catalog, err := conformanceCatalog()
	if err != nil {
		return err
	}
	r, err := catalog.New(about, sources...)
	if err != nil {
		return &exit{report.ExitFail, fmt.Errorf("the runs do not add up:\n%w", err)}
	}
	text, err := r.YAML()
	if err != nil {
		return infrastructure(err)
	}
	if err := a.emit(output, text); err != nil {
		return infrastructure(err)
	}
	for _, why := range r.Disqualified {
		a.notef("no report of conformance: %s\n", why)
	}
	if len(r.Disqualified) > 0 {
		return &exit{code: report.ExitFail}
	}
	return nil
}

// conformanceCatalog is the built-in library.
func conformanceCatalog() (conformance.Catalog, error) {
	list, digest, err := builtIn()
	return conformance.Catalog{Digest: digest, Scenarios: list}, err
}

// emit writes to a file, or to standard output for "-".
func (a *app) emit(path string, text []byte) error {
	if path == "-" {
		_, err := a.stdout.Write(text)
		return err
	}
	if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // for everybody to read
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func (a *app) conformanceVerifyCommand() *cobra.Command {
	var from []string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check that a conformance report adds up, and is what its runs come to",
		Long: `verify computes a conformance report again and names everything that does not add up, with file, line, field and rule.
With --from it computes it from the JSON reports of the runs, else from the lists in the report itself. Use the version
of cniproof that made the report: it has the library of scenarios.

Exit codes: 0 it adds up; 1 it does not, or it is no report of conformance; 3 it is not well-formed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error {
			f, err := a.verified(paths[0], from)
			if err != nil {
				return err
			}
			a.printf("%s: %s\n", f.Name, f.Report)
			if len(from) == 0 {
				a.printf("Its own lists add up. --from RUN.json... computes it from the runs.\n")
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&from, "from", nil, "the JSON report of a run that it was made from (repeatable; all of them)")
	return cmd
}

// verified reads a conformance report that adds up.
func (a *app) verified(path string, from []string) (*conformance.File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, badInput(fmt.Errorf("reading the conformance report: %w", err))
	}
	f, errFile := conformance.Read(path, text)
	sources, errRuns := conformance.ReadRuns(from...)
	if err := errors.Join(errFile, errRuns); err != nil {
		return nil, badInput(err)
	}
	catalog, err := conformanceCatalog()
	if err != nil {
		return nil, err
	}
	problems, err := catalog.Verify(f, sources...)
	if len(problems) > 0 {
		err = errors.Join(problems, err)
	}
	if err != nil {
		return nil, &exit{report.ExitFail, fmt.Errorf("it does not add up:\n%w", err)}
	}
	return f, nil
}

func (a *app) conformanceBadgeCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "badge FILE",
		Short: "Draw a conformance report that adds up as a badge in SVG",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error {
			f, err := a.verified(paths[0], nil)
			if err != nil {
				return err
			}
			return infrastructure(a.emit(output, []byte(f.Report.Badge())))
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "-", "file to write; - is standard output")
	return cmd
}
