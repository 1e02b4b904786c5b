// Package core_test judges what every implementation has to enforce.
package core_test

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/suites"
)

var target = suites.Flags(flag.CommandLine)

func TestMain(m *testing.M) { os.Exit(target.Main(m)) }

func TestCore(t *testing.T) {
	suites.Run(t, "core", target, suites.Static(scenario.LevelMust))
}

// TestGoesRed runs this suite again on a cluster with a fault.
func TestGoesRed(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestCore$", "-fault=ignore-except",
		"-ginkgo.label-filter=except && egress", "-ginkgo.no-color")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "expected deny, observed allow") {
		t.Errorf("a cluster that ignores excepts: %v\n%s", err, out)
	}
}
