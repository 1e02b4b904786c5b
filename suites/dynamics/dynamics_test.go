// Package dynamics_test judges what happens while things change: leaks, disruptions, and
// whether changes go on to take effect.
package dynamics_test

import (
	"flag"
	"os"
	"testing"

	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/suites"
)

var target = suites.Flags(flag.CommandLine)

func TestMain(m *testing.M) { os.Exit(target.Main(m)) }

func TestDynamics(t *testing.T) {
	suites.Run(t, "dynamics", target, (*scenario.Scenario).Dynamic)
}
