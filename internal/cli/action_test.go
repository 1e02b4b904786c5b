package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"
)

const actionFile = "../../.github/actions/cniproof/action.yaml"

// compositeAction is as much of an action's file as its steps need.
type compositeAction struct {
	Inputs  map[string]struct{ Default string }
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []struct {
			ID, Shell, Run string
			Env            map[string]string
		}
	}
}

// action runs the steps of the composite action as GitHub's runner does, one shell
// each, until one fails: action INPUT=VALUE... What they write to the runner's files
// is left in summary and in outputs, the outputs by the names of the action.
func action(ts *testscript.TestScript, neg bool, args []string) {
	text, err := os.ReadFile(actionFile)
	ts.Check(err)
	var a compositeAction
	ts.Check(yaml.Unmarshal(text, &a))
	known := map[string]string{"runner.temp": ts.MkAbs("temp")}
	for name, in := range a.Inputs {
		known["inputs."+name] = in.Default
	}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		if _, ok := a.Inputs[name]; !ok {
			ts.Fatalf("the action has no input %q", name)
		}
		known["inputs."+name] = strings.ReplaceAll(value, `\n`, "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs("summary"), nil, 0o600))
	var failed error
	for _, step := range a.Runs.Steps {
		env := []string{}
		for name, value := range step.Env {
			env = append(env, name+"="+expand(ts, value, known))
		}
		if strings.Contains(step.Run, "${{") {
			ts.Fatalf("step %s: an expression in a script could run what an input says", step.ID)
		}
		if failed = runStep(ts, step.Run, env); failed != nil {
			readOutputs(ts, step.ID, known)
			break
		}
		readOutputs(ts, step.ID, known)
	}
	var b strings.Builder
	for name, out := range a.Outputs {
		fmt.Fprintf(&b, "%s=%s\n", name, expand(ts, out.Value, known))
	}
	ts.Check(os.WriteFile(ts.MkAbs("outputs"), []byte(b.String()), 0o600))
	if neg == (failed == nil) {
		ts.Fatalf("the action ended with %v", failed)
	}
}

func runStep(ts *testscript.TestScript, script string, env []string) error {
	ts.Check(os.WriteFile(ts.MkAbs("step.sh"), []byte(script), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("step.out"), nil, 0o600))
	cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", ts.MkAbs("step.sh"))
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "XDG_CACHE_HOME", "GOMODCACHE", "TMPDIR"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	cmd.Env = slices.Concat(env, []string{"GITHUB_OUTPUT=" + ts.MkAbs("step.out"), "GITHUB_STEP_SUMMARY=" + ts.MkAbs("summary")})
	log, err := cmd.CombinedOutput()
	ts.Logf("%s", log)
	ts.Check(os.WriteFile(ts.MkAbs("log"), log, 0o600))
	return err
}

// readOutputs takes down what a step wrote for the steps after it.
func readOutputs(ts *testscript.TestScript, step string, known map[string]string) {
	for line := range strings.Lines(ts.ReadFile("step.out")) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		known["steps."+step+".outputs."+name] = value
	}
}

var expression = regexp.MustCompile(`\$\{\{ *([a-z.-]+) *\}\}`)

func expand(ts *testscript.TestScript, text string, known map[string]string) string {
	return expression.ReplaceAllStringFunc(text, func(e string) string {
		name := expression.FindStringSubmatch(e)[1]
		value, ok := known[name]
		if !ok && !strings.HasPrefix(name, "steps.") {
			ts.Fatalf("nothing is known of %s", name)
		}
		return value
	})
}
