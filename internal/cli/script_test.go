package cli_test

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cniproof/cniproof/internal/cli"
)

var update = flag.Bool("update", false, "rewrite the expected output in the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"cniproof":         func() { os.Exit(cli.Main("test", os.Args, os.Stdout, os.Stderr)) },
		"kubectl-cniproof": func() { os.Exit(cli.Main("test", os.Args, os.Stdout, os.Stderr)) },
	})
}

// TestScript runs every command line in testdata/script as a user would, the runs
// on a real embedded cluster.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"pause": pause, "whole-run": wholeRun, "action": action},
		Setup: func(env *testscript.Env) error {
			cache, err := os.UserCacheDir()
			if err != nil {
				return err
			}
			// The agent is built once for all scripts.
			env.Setenv("XDG_CACHE_HOME", cache)
			env.Setenv("GOMODCACHE", os.Getenv("GOMODCACHE"))
			return nil
		},
	})
}

// pause lets a command in the background get on.
func pause(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	time.Sleep(d)
}

// wholeRun is whole-run FILE IMPLEMENTATION VERSION TOOL.
func wholeRun(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(cli.WholeRun(f, args[1], args[2], args[3]))
	ts.Check(f.Close())
}
