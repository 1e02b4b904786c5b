package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cniproof/cniproof/internal/scenario"
)

func (a *app) listCommand() *cobra.Command {
	var sel selection
	var output string
	var features, axes bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the scenarios, with level and features",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if features {
				return a.listFeatures()
			}
			if axes {
				return a.listAxes()
			}
			list, err := sel.load()
			if err != nil {
				return err
			}
			if err := a.list(list, output); err != nil {
				return err
			}
			return a.listApart(&sel, output)
		},
	}
	sel.flags(cmd.Flags())
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text, wide (with summaries), name, json")
	cmd.Flags().BoolVar(&features, "features", false, "list the features that scenarios can have, instead")
	cmd.Flags().BoolVar(&axes, "axes", false, "list the axes along which scenarios are run, and their values, instead")
	return cmd
}

// listed is one scenario in `list -o json`.
type listed struct {
	Name     string   `json:"name"`
	Topic    string   `json:"topic"`
	Level    string   `json:"level"`
	Summary  string   `json:"summary"`
	Features []string `json:"features"`
	Refs     []string `json:"refs"`
	Steps    int      `json:"steps"`
	Flows    int      `json:"flows"`
}

func (a *app) list(list []*scenario.Scenario, output string) error {
	switch output {
	case "name":
		for _, s := range list {
			a.printf("%s\n", s.Name)
		}
		return nil
	case "json":
		items := make([]listed, len(list))
		for i, s := range list {
			items[i] = listed{
				Name: s.Name, Topic: s.Topic, Level: string(s.Level), Summary: s.Summary,
				Features: s.Features, Refs: s.Refs, Steps: len(s.Steps), Flows: len(s.Flows(scenario.AllAxes())),
			}
		}
		encoder := json.NewEncoder(a.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(items)
	case "text", "wide":
		return a.listTable(list, output == "wide")
	}
	return badInput(fmt.Errorf("--output: %q is none of text, wide, name, json", output))
}

func (a *app) listTable(list []*scenario.Scenario, wide bool) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprint(w, "NAME\tLEVEL\tSTEPS\tFLOWS\tFEATURES\n")
	for _, s := range list {
		last := strings.Join(s.Features, ",")
		_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", s.Name, s.Level, len(s.Steps), len(s.Flows(scenario.AllAxes())), last)
		if wide {
			_, _ = fmt.Fprintf(w, "  %s\n", s.Summary)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.printf("\n%d scenarios\n", len(list))
	return nil
}

// listApart says where the rest is, after a list of all scenarios but the dynamic ones.
func (a *app) listApart(sel *selection, output string) error {
	if output != "text" && output != "wide" || !sel.apart() {
		return nil
	}
	all, _, err := builtIn()
	if err != nil {
		return err
	}
	n := 0
	for _, s := range all {
		if s.Dynamic() {
			n++
		}
	}
	a.printf("and %d of topic dynamics, which run apart: --dynamics\n", n)
	return nil
}

func (a *app) listFeatures() error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, f := range scenario.Features() {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", f.Name, f.Meaning)
	}
	return w.Flush()
}

func (a *app) listAxes() error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, axis := range scenario.AxisValues() {
		name, values, _ := strings.Cut(axis, "=")
		_, _ = fmt.Fprintf(w, "%s\t%s\n", name, strings.ReplaceAll(values, ",", ", "))
	}
	return w.Flush()
}
