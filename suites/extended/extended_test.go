// Package extended_test judges what an implementation may support, and what no specification settles.
package extended_test

import (
	"flag"
	"os"
	"testing"

	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/suites"
)

var target = suites.Flags(flag.CommandLine)

func TestMain(m *testing.M) { os.Exit(target.Main(m)) }

func TestExtended(t *testing.T) {
	suites.Run(t, "extended", target, suites.Static(scenario.LevelOptional, scenario.LevelContested, scenario.LevelUndefined))
}
