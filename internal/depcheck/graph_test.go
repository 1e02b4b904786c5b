package depcheck

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

const module = "github.com/cniproof/cniproof"

// node is a package as the go command lists it.
type node struct {
	ImportPath   string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
	Error        *struct{ Err string }
}

// graph is every package that the module needs, by import path.
type graph map[string]*node

// load lists the module's packages, and those that they need, as on Linux.
func load() (graph, error) {
	cmd := exec.Command("go", "list", "-e", "-deps", "-buildvcs=false",
		"-json=ImportPath,Standard,Imports,TestImports,XTestImports,Error", module+"/...")
	cmd.Env = append(os.Environ(), "GOOS=linux")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing packages: %w", err)
	}
	g := graph{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		n := new(node)
		if err := d.Decode(n); errors.Is(err, io.EOF) {
			return g, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading the list of packages: %w", err)
		}
		g[n.ImportPath] = n
	}
}

// own lists the module's own packages by folder, sorted.
func (g graph) own() []string {
	var folders []string
	for path := range g {
		if folder, ok := folderOf(path); ok {
			folders = append(folders, folder)
		}
	}
	slices.Sort(folders)
	return folders
}

// standard reports whether an import is the standard library's.
func (g graph) standard(path string) bool {
	n := g[path]
	return path == "C" || n != nil && n.Standard
}

// chain is the shortest chain of imports from a package of the module to one that
// matches any of the patterns, written with arrows; empty if there is none.
func (g graph) chain(folder string, patterns []string) string {
	start := pathOf(folder)
	via := map[string]string{start: ""}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at != start && matchesAny(patterns, at) {
			return trace(via, at)
		}
		n := g[at]
		if n == nil {
			continue
		}
		for _, next := range n.Imports {
			if _, seen := via[next]; !seen {
				via[next] = at
				queue = append(queue, next)
			}
		}
	}
	return ""
}

func trace(via map[string]string, to string) string {
	var steps []string
	for at := to; at != ""; at = via[at] {
		steps = append(steps, short(at))
	}
	slices.Reverse(steps)
	return strings.Join(steps, " -> ")
}

// folderOf is a package's folder in the module, if it is the module's.
func folderOf(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

func pathOf(folder string) string {
	if folder == "." {
		return module
	}
	return module + "/" + folder
}

// short is how patterns and messages write an import path.
func short(path string) string {
	if folder, ok := folderOf(path); ok {
		return folder
	}
	return path
}

// matches reports whether a pattern names an import path.
func matches(pattern, path string) bool {
	path = short(path)
	below, many := strings.CutSuffix(pattern, "/...")
	return path == below || many && strings.HasPrefix(path, below+"/")
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}
