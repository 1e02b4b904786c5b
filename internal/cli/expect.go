package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/scenario"
)

func (a *app) expectCommand() *cobra.Command {
	var files []string
	var format string
	cmd := &cobra.Command{
		Use:   "expect [SCENARIO...]",
		Short: "Print the tables that a scenario expects, without any cluster",
		Example: `  cniproof expect and-in-one-peer
  cniproof expect -f my-scenario.yaml -o json`,
		RunE: func(_ *cobra.Command, args []string) error {
			list, err := chosen(files, args)
			if err != nil {
				return err
			}
			return a.expect(list, format)
		},
	}
	cmd.Flags().StringArrayVarP(&files, "file", "f", nil, "scenario file or folder (repeatable)")
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text, json")
	return cmd
}

// chosen are the named scenarios; without a name, all of the user's files.
func chosen(files, names []string) ([]*scenario.Scenario, error) {
	if len(names) == 0 && len(files) == 0 {
		return nil, badInput(fmt.Errorf("name a scenario (see `cniproof list`) or give a file with -f"))
	}
	if len(names) == 0 {
		sel := selection{files: files}
		return sel.load()
	}
	var list []*scenario.Scenario
	for _, name := range names {
		s, err := find(files, name)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// expectedStep is one step in `expect -o json`.
type expectedStep struct {
	Scenario string         `json:"scenario"`
	Step     string         `json:"step"`
	Flows    []expectedFlow `json:"flows"`
}

type expectedFlow struct {
	Flow    string       `json:"flow"`
	Verdict flow.Verdict `json:"verdict"`
}

func (a *app) expect(list []*scenario.Scenario, format string) error {
	steps := []expectedStep{}
	for _, s := range list {
		tables, err := tables(s)
		if err != nil {
			return err
		}
		switch format {
		case "text":
			a.expectText(s, tables)
		case "json":
			steps = append(steps, expectJSON(s, tables)...)
		default:
			return badInput(fmt.Errorf("--output: %q is none of text, json", format))
		}
	}
	if format != "json" {
		return nil
	}
	encoder := json.NewEncoder(a.stdout)
	encoder.SetEscapeHTML(false) // flows are written with "->"
	encoder.SetIndent("", "  ")
	return encoder.Encode(steps)
}

// tables are the computed verdicts of every step. A scenario whose author says
// otherwise is bad input.
func tables(s *scenario.Scenario) ([][]flow.Verdict, error) {
	binding := scenario.Symbolic(s.Topology)
	if wrong := oracle.Check(s, binding, scenario.AllAxes()); len(wrong) > 0 {
		var lines []string
		for _, d := range wrong {
			lines = append(lines, d.String())
		}
		return nil, badInput(fmt.Errorf("%s contradicts its own policies:\n%s", s.Name, strings.Join(lines, "\n")))
	}
	play, flows := oracle.NewPlay(s), s.Flows(scenario.AllAxes())
	all := make([][]flow.Verdict, len(s.Steps))
	for i, step := range s.Steps {
		world, err := play.Next(binding, binding)
		if err != nil {
			return nil, badInput(fmt.Errorf("%s: step %q: %w", s.Name, step.Name, err))
		}
		for _, f := range flows {
			all[i] = append(all[i], world.Expect(f))
		}
	}
	return all, nil
}

// expectText prints one matrix per step.
func (a *app) expectText(s *scenario.Scenario, tables [][]flow.Verdict) {
	_, width := terminal(a.stdout)
	a.printf("%s: %s\n", s.Name, s.Summary)
	flows := s.Flows(scenario.AllAxes())
	for i, step := range s.Steps {
		cells := make([]judge.Cell, len(flows))
		for k, f := range flows {
			cells[k] = judge.Cell{Flow: f, Expected: tables[i][k]}
		}
		a.printf("\nstep %d: %s\n%s", i+1, step.Name, report.Expected(cells, report.Options{Width: width}))
	}
}

func expectJSON(s *scenario.Scenario, tables [][]flow.Verdict) []expectedStep {
	flows := s.Flows(scenario.AllAxes())
	steps := make([]expectedStep, len(s.Steps))
	for i, step := range s.Steps {
		steps[i] = expectedStep{Scenario: s.Name, Step: step.Name}
		for k, f := range flows {
			steps[i].Flows = append(steps[i].Flows, expectedFlow{f.String(), tables[i][k]})
		}
	}
	return steps
}
