package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

func (a *app) explainCommand() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "explain SCENARIO [FLOW]",
		Short: "Say why a flow is allowed or denied, step by step",
		Example: `  cniproof explain and-in-one-peer
  cniproof explain and-in-one-peer "staging/web -> prod/db:3306/TCP"`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := find(files, args[0])
			if err != nil {
				return err
			}
			line := "* -> *"
			if len(args) == 2 {
				line = args[1]
			}
			return a.explain(s, line, len(args) == 2)
		},
	}
	cmd.Flags().StringArrayVarP(&files, "file", "f", nil, "look for the scenario in this file or folder (repeatable)")
	return cmd
}

// find returns the scenario of that name.
func find(files []string, name string) (*scenario.Scenario, error) {
	sel := selection{files: files}
	list, err := sel.all()
	if err != nil {
		return nil, err
	}
	var near []string
	for _, s := range list {
		if s.Name == name {
			return s, nil
		}
		if strings.Contains(s.Name, name) {
			near = append(near, s.Name)
		}
	}
	hint := "see `cniproof list`"
	if len(near) > 0 {
		hint = "there is " + strings.Join(near, ", ")
	}
	return nil, badInput(fmt.Errorf("there is no scenario %q: %s", name, hint))
}

// explain prints, for every step, the flows that the line names: in full when the
// user asked for them, else one sentence for each that is not simply allowed.
func (a *app) explain(s *scenario.Scenario, line string, full bool) error {
	selected, err := scenario.ParseFlowLine(line)
	if err != nil {
		return badInput(fmt.Errorf("flow %q: %w", line, err))
	}
	flows := slices.DeleteFunc(s.Flows(scenario.AllAxes()), func(f flow.Flow) bool { return !selected(f) })
	if len(flows) == 0 {
		return badInput(fmt.Errorf("no flow of %s matches %q", s.Name, line))
	}
	a.printf("%s: %s\n", s.Name, s.Summary)
	play, binding := oracle.NewPlay(s), scenario.Symbolic(s.Topology)
	for i, step := range s.Steps {
		world, err := play.Next(binding, binding)
		if err != nil {
			return badInput(fmt.Errorf("step %q: %w", step.Name, err))
		}
		a.printf("\nstep %d: %s\n", i+1, step.Name)
		a.explainStep(world, flows, full)
	}
	return nil
}

func (a *app) explainStep(world *oracle.World, flows []flow.Flow, full bool) {
	allowed := 0
	groups := groupBy(flows, func(f flow.Flow) string {
		if !full && world.Expect(f) == flow.Allow {
			allowed++
			return ""
		}
		e, way := world.Explain(f), strings.TrimPrefix(f.String(), f.Line())
		if full {
			return strings.ReplaceAll(e.String(), way, "")
		}
		return strings.ReplaceAll(e.Short(), way, "")
	})
	for _, g := range groups {
		a.printf("  %s: %s\n", strings.Join(g.lines, ", "), world.Expect(g.first))
		a.printf("%s\n", indent(g.text))
	}
	if allowed > 0 {
		a.printf("  allowed: %d of %d flows\n", allowed, len(flows))
	}
}

// group is flows that share one explanation.
type group struct {
	text  string
	first flow.Flow
	lines []string
}

// groupBy gathers flows by text, in the order of their first appearance; an empty
// text leaves a flow out.
func groupBy(flows []flow.Flow, text func(flow.Flow) string) []*group {
	var order []*group
	byText := map[string]*group{}
	for _, f := range flows {
		t := text(f)
		if t == "" {
			continue
		}
		g := byText[t]
		if g == nil {
			g = &group{text: t, first: f}
			byText[t] = g
			order = append(order, g)
		}
		if line := lineOf(f); !slices.Contains(g.lines, line) {
			g.lines = append(g.lines, line)
		}
	}
	return order
}

// lineOf is the flow's line, with the path where it is one of its own kind.
func lineOf(f flow.Flow) string {
	if f.Via.Node() || f.Via == flow.Established {
		return f.Line() + " via " + f.Via.String()
	}
	return f.Line()
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ")
}
