package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/cniproof/cniproof/internal/scenario"
)

// axisFlags are along which axes flows are tried.
type axisFlags struct {
	words []string
}

func (a *axisFlags) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&a.words, "axes", nil,
		"try flows only along AXIS=VALUE,VALUE (repeatable): "+strings.Join(scenario.AxisValues(), "; ")+
			" (default: everything that the cluster has, and for every promise something by dns and mirrored)")
}

// choice is what the flags say; a mistake is bad input.
func (a *axisFlags) choice() (scenario.Choice, error) {
	choice, err := scenario.ParseChoice(a.words)
	if err != nil {
		return scenario.Choice{}, badInput(err)
	}
	return choice, nil
}

// mirrored chooses between scenarios and their mirrors. Where nothing was chosen all stay,
// and so do mirrors that are run again.
func mirrored(list []*scenario.Scenario, c scenario.Choice, rerun bool) ([]*scenario.Scenario, error) {
	switch {
	case c.Nothing():
		return list, nil
	case !slices.Contains(c.Directions, scenario.Mirrored):
		return unmirrored(list, rerun)
	}
	var out []*scenario.Scenario
	for _, s := range list {
		if s.Mirrored || slices.Contains(c.Directions, scenario.Written) {
			out = append(out, s)
		}
		if mirror, why := s.Mirror(); why == "" && !holds(list, mirror.Name) {
			out = append(out, mirror)
		}
	}
	if len(out) == 0 {
		return nil, badInput(errors.New("no scenario that is selected has a mirror: see docs/writing-scenarios.md for what has one"))
	}
	return out, nil
}

// unmirrored leaves out the mirrors that run by default.
func unmirrored(list []*scenario.Scenario, rerun bool) ([]*scenario.Scenario, error) {
	if rerun {
		return list, nil
	}
	list = slices.DeleteFunc(list, func(s *scenario.Scenario) bool { return s.Mirrored })
	if len(list) == 0 {
		return nil, badInput(errors.New("nothing but mirrors is selected, and --axes has none of them: add --axes direction=mirrored"))
	}
	return list, nil
}
