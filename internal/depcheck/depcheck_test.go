package depcheck

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// violations lists what breaks the rules, one line each with the reason.
func violations(g graph) []string {
	var all []string
	for _, folder := range g.own() {
		all = append(all, violationsOf(g, folder)...)
	}
	return all
}

func violationsOf(g graph, folder string) []string {
	var found []string
	covered := false
	for _, r := range rules {
		if matches(r.packages, folder) {
			covered = true
			found = append(found, breaks(g, folder, r)...)
		}
	}
	if !covered {
		found = append(found, fmt.Sprintf("%s: no rule covers it; add a row to rules that says what it may import", folder))
	}
	for _, r := range reserves {
		found = append(found, trespasses(g, folder, r)...)
	}
	return found
}

func breaks(g graph, folder string, r rule) []string {
	var found []string
	if r.only != nil {
		for _, path := range g[pathOf(folder)].Imports {
			if !g.standard(path) && !matchesAny(r.only, path) {
				found = append(found, fmt.Sprintf("%s imports %s: it may import the standard library and %q only: %s", folder, short(path), r.only, r.because))
			}
		}
	}
	for _, pattern := range r.never {
		if chain := g.chain(folder, []string{pattern}); chain != "" {
			found = append(found, fmt.Sprintf("%s must not import %s: %s (%s)", folder, pattern, r.because, chain))
		}
	}
	return found
}

func trespasses(g graph, folder string, r reserve) []string {
	if matchesAny(r.by, folder) || matchesAny(r.packages, folder) {
		return nil
	}
	n := g[pathOf(folder)]
	imports := n.Imports
	if r.tests {
		imports = slices.Concat(imports, n.TestImports, n.XTestImports)
	}
	var found []string
	for _, path := range imports {
		if matchesAny(r.packages, path) {
			found = append(found, fmt.Sprintf("%s imports %s, which only %q may: %s", folder, short(path), r.by, r.because))
		}
	}
	return found
}

func TestImports(t *testing.T) {
	watchSources(t)
	g, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range g.own() {
		if e := g[pathOf(folder)].Error; e != nil {
			t.Errorf("%s: %s", folder, e.Err)
		}
	}
	for _, v := range violations(g) {
		t.Error(v)
	}
}

// watchSources looks at every source file, so that the go command does not take an
// earlier answer from its cache when one has changed: it sees what the test itself
// looks at, not what the go command below it does.
func watchSources(t *testing.T) {
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "bin"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Every line of the tables goes red when somebody breaks it.
func TestRulesCatch(t *testing.T) {
	for _, r := range rules {
		if len(r.never) == 0 && r.only == nil {
			t.Errorf("rule for %s forbids nothing", r.packages)
		}
		if r.only != nil {
			expectCaught(t, r.packages, "example.com/anything", r.because)
		}
		for _, pattern := range r.never {
			expectCaught(t, r.packages, pattern, r.because)
		}
	}
	for _, r := range reserves {
		for _, pattern := range r.packages {
			expectCaught(t, "internal/depcheck", pattern, r.because)
		}
	}
}

// expectCaught plants one import, by way of another package, and expects the reason.
func expectCaught(t *testing.T, importer, imported, because string) {
	t.Helper()
	from, to := example(importer), example(imported)
	g := graph{}
	g.add(from, to)
	g.add(to)
	if !strings.Contains(strings.Join(violations(g), "\n"), because) {
		t.Errorf("%s imports %s: not caught", importer, imported)
	}
}

// example is the import path of a package that a pattern names.
func example(pattern string) string {
	folder := strings.TrimSuffix(pattern, "/...")
	first, _, _ := strings.Cut(folder, "/")
	if strings.Contains(first, ".") && folder != "." || first == "testing" {
		return folder
	}
	return pathOf(folder)
}

func (g graph) add(path string, imports ...string) {
	g[path] = &node{ImportPath: path, Imports: imports}
}

func TestChain(t *testing.T) {
	g := graph{}
	g.add(pathOf("internal/judge"), pathOf("internal/scenario"), pathOf("internal/flow"))
	g.add(pathOf("internal/scenario"), "k8s.io/client-go/kubernetes")
	g.add(pathOf("internal/flow"))
	want := "internal/judge -> internal/scenario -> k8s.io/client-go/kubernetes"
	if got := g.chain("internal/judge", live); got != want {
		t.Errorf("chain is %q, want %q", got, want)
	}
	if got := g.chain("internal/flow", live); got != "" {
		t.Errorf("chain is %q, want none", got)
	}
}

func TestUncoveredPackage(t *testing.T) {
	g := graph{}
	g.add(pathOf("internal/brandnew"))
	got := violations(g)
	if len(got) != 1 || !strings.Contains(got[0], "no rule covers it") {
		t.Errorf("violations are %q", got)
	}
}

func TestMatches(t *testing.T) {
	for pattern, cases := range map[string]map[string]bool{
		"internal/cluster":     {"internal/cluster": true, "internal/cluster/kind": false, "internal/clusters": false},
		"internal/cluster/...": {"internal/cluster": true, "internal/cluster/kind": true, "internal/clusters": false},
		".":                    {".": true, "cmd": false},
		"golang.org/x/...":     {"golang.org/x/sys/unix": true, "golang.org/xx": false},
	} {
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			if got := matches(pattern, example(name)); got != cases[name] {
				t.Errorf("%s matches %s: %t", pattern, name, got)
			}
		}
	}
}
