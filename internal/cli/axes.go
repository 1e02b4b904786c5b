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
			" (default: everything that the cluster has, dns where a scenario is about it, written)")
}

// choice is what the flags say; a mistake is bad input.
func (a *axisFlags) choice() (scenario.Choice, error) {
	choice, err := scenario.ParseChoice(a.words)
	if err != nil {
		return scenario.Choice{}, badInput(err)
	}
	return choice, nil
}

// mirrored adds the mirrors of the scenarios that have one, or leaves nothing but these.
func mirrored(list []*scenario.Scenario, c scenario.Choice) ([]*scenario.Scenario, error) {
	if !slices.Contains(c.Directions, scenario.Mirrored) {
		return list, nil
	}
	var out []*scenario.Scenario
	for _, s := range list {
		if s.Mirrored || slices.Contains(c.Directions, scenario.Written) {
			out = append(out, s)
		}
		if mirror, why := s.Mirror(); why == "" {
			out = append(out, mirror)
		}
	}
	if len(out) == 0 {
		return nil, badInput(errors.New("no scenario that is selected has a mirror: see docs/writing-scenarios.md for what has one"))
	}
	return out, nil
}
