package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestDocsRun really runs the commands in the documents that need neither Docker nor
// a cluster of the reader's, one document after another, in a folder that has the
// files which they name. A run without a choice of scenarios judges one.
func TestDocsRun(t *testing.T) {
	scripts := map[string]*strings.Builder{}
	count := 0
	for _, d := range docCommands(t) {
		args, ok := d.program()
		if !ok || !runsHere(d) {
			continue
		}
		file, _, _ := strings.Cut(filepath.Base(d.place), ":")
		if scripts[file] == nil {
			scripts[file] = &strings.Builder{}
		}
		count++
		scripts[file].WriteString("# " + d.place + "\ndoc")
		for _, w := range brief(args) {
			scripts[file].WriteString(" '" + strings.ReplaceAll(w, "'", "''") + "'")
		}
		scripts[file].WriteString("\n")
	}
	if count < 20 {
		t.Errorf("only %d commands are run", count)
	}
	folder := t.TempDir()
	for file, script := range scripts {
		if err := os.WriteFile(filepath.Join(folder, strings.TrimSuffix(file, ".md")+".txtar"), []byte(script.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:   folder,
		Setup: readersFiles,
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"doc": runDoc},
	})
}

var placeholder = regexp.MustCompile(`\b[A-Z]{2,}\b|\.\.\.|\$`)

// runsHere reports whether a command can run in a test.
func runsHere(d docLine) bool {
	args, _ := d.program()
	elsewhere := []string{"-", "kind", "existing", "--mirror", "mirror", "cleanup", "agent", "sonobuoy", "--cni-manifest", "--external-host"}
	for _, w := range args {
		if slices.Contains(elsewhere, w) || placeholder.MatchString(w) {
			return false
		}
	}
	readsCluster := args[0] == "import" && !slices.Contains(args, "--from")
	return d.words[0] == "cniproof" && !readsCluster
}

// brief keeps a run short, and a pattern of files one that is there.
func brief(args []string) []string {
	all := slices.Clone(args)
	for i, w := range all {
		if strings.Contains(w, "*.json") {
			all[i] = "run.json"
		}
	}
	chosen := slices.ContainsFunc(all, func(w string) bool { return w == "--run" || w == "-f" })
	switch {
	case all[0] != "run" || chosen:
	case slices.Contains(all, "--dynamics"):
		all = append(all, "--run", "^restart-under-load$")
	default:
		all = append(all, "--run", "^canonical-deny-all$")
	}
	if all[0] == "bench" {
		all = append(all, "--repeat", "1")
		if slices.Contains(all, "scale") {
			all = append(all, "--policies", "10", "--peers", "0")
		}
	}
	return all
}

// readersFiles are those that the documents tell their readers to have.
func readersFiles(env *testscript.Env) error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	env.Setenv("XDG_CACHE_HOME", cache) // the agent is built once
	env.Setenv("GOMODCACHE", os.Getenv("GOMODCACHE"))
	own, err := os.ReadFile("testdata/docs/my-scenario.yaml")
	if err != nil {
		return err
	}
	var run bytes.Buffer
	if err := WholeRun(&run, "Example", "v1.2.3", "v0.1.0"); err != nil {
		return err
	}
	shop, err := os.ReadFile("../adopt/testdata/shop.golden.yaml")
	if err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(env.WorkDir, "k8s"), os.DirFS("../adopt/testdata/shop")); err != nil {
		return err
	}
	for file, text := range map[string][]byte{
		"my-scenario.yaml": own, "my-scenarios/my-scenario.yaml": own, "shop.yaml": shop,
		"run.json": run.Bytes(), "report.json": run.Bytes(), "before.json": run.Bytes(), "after.json": run.Bytes(),
	} {
		path := filepath.Join(env.WorkDir, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, text, 0o600)); err != nil {
			return err
		}
	}
	return nil
}

// runDoc runs cniproof. A wrong verdict is an answer; bad input is not. A machine that is
// busy with other tests may be too slow to watch anything every 10 ms.
func runDoc(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("cniproof", args...)
	if err == nil {
		return
	}
	answers := []int{1}
	if slices.Contains(args, "--dynamics") {
		answers = append(answers, 2)
	}
	var ended *exec.ExitError
	if errors.As(err, &ended) && slices.Contains(answers, ended.ExitCode()) {
		return
	}
	ts.Fatalf("cniproof %s: %v", strings.Join(args, " "), err)
}
