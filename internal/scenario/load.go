package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/strict"
	"github.com/cniproof/cniproof/scenarios"
)

// Load reads scenario files; a directory stands for every *.yaml file below it. The
// error is Problems: all mistakes of all files, not only the first. Then there are
// no scenarios.
//
// The topic of a scenario is the folder that holds it, below the directory that was
// given. A shared topology NAME is the file topologies/NAME.yaml beside the
// scenario, beside its folder or at the root of fsys, else a shipped one.
func Load(fsys fs.FS, paths ...string) ([]*Scenario, error) {
	l := newLoader(fsys)
	var list []*Scenario
	for _, found := range l.find(paths) {
		if s := l.scenario(found.path); s != nil {
			s.Topic = found.topic
			list = append(list, s)
		}
	}
	l.uniqueNames(list)
	if len(list) == 0 && len(l.problems) == 0 {
		l.fail(strings.Join(paths, " "), "there is no scenario here")
	}
	if len(l.problems) > 0 {
		return nil, l.problems.Sorted()
	}
	return list, nil
}

// OSFiles are the files of the operating system, by paths that may be absolute or
// lead out of the working directory.
func OSFiles() fs.FS { return osFiles{} }

type osFiles struct{}

func (osFiles) Open(name string) (fs.File, error) { return os.Open(name) }

// loader reads files and gathers their problems.
type loader struct {
	fsys       fs.FS
	problems   Problems
	topologies map[string]sharedTopology
}

func newLoader(fsys fs.FS) *loader {
	return &loader{fsys: fsys, topologies: map[string]sharedTopology{}}
}

// fail reports a mistake of a whole file.
func (l *loader) fail(file, format string, args ...any) {
	l.problems = append(l.problems, strict.Problem{File: file, Message: fmt.Sprintf(format, args...)})
}

type foundFile struct{ path, topic string }

// find lists the files that the paths stand for, each once.
func (l *loader) find(paths []string) []foundFile {
	var files []foundFile
	for _, p := range paths {
		files = append(files, l.below(p)...)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(files, func(f foundFile) bool {
		again := seen[f.path]
		seen[f.path] = true
		return again
	})
}

func (l *loader) below(root string) []foundFile {
	var files []foundFile
	err := fs.WalkDir(l.fsys, root, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p == root && !entry.IsDir() {
			files = append(files, foundFile{p, ""})
		} else if !entry.IsDir() && isYAML(p) {
			files = append(files, foundFile{p, topic(root, p)})
		}
		return nil
	})
	if err != nil {
		l.fail(root, "cannot be read: %v", plainCause(err))
	}
	return files
}

func isYAML(p string) bool { return path.Ext(p) == ".yaml" || path.Ext(p) == ".yml" }

// topic is the folder of a file, relative to the directory above it that was given.
func topic(root, p string) string {
	dir := path.Dir(p)
	if dir == path.Clean(root) {
		return ""
	}
	return strings.TrimPrefix(dir, path.Clean(root)+"/")
}

// plainCause leaves out the operation and the path, which the message has already.
func plainCause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// uniqueNames reports files of one name in two folders.
func (l *loader) uniqueNames(list []*Scenario) {
	first := map[string]string{}
	for _, s := range list {
		name := stem(s.File)
		if other, ok := first[name]; ok {
			l.fail(s.File, "the name %q is taken by %s: every scenario needs a name of its own", name, other)
			continue
		}
		first[name] = s.File
	}
}

type sharedTopology struct {
	topology Topology
	known    bool
}

// shared finds the topology that a scenario file names. Its own mistakes are
// reported once, under its own file.
func (l *loader) shared(file, name string) (Topology, bool) {
	for _, dir := range []string{path.Dir(file), path.Dir(path.Dir(file)), "."} {
		at := path.Join(dir, "topologies", name+".yaml")
		if text, err := fs.ReadFile(l.fsys, at); err == nil {
			return l.cached(at, text)
		}
	}
	at := path.Join("topologies", name+".yaml")
	text, err := fs.ReadFile(scenarios.FS, at)
	if err != nil {
		return Topology{}, false
	}
	return l.cached(at, text)
}

func (l *loader) cached(at string, text []byte) (Topology, bool) {
	found, ok := l.topologies[at]
	if !ok {
		found.topology, found.known = l.topology(at, text)
		l.topologies[at] = found
	}
	return found.topology.clone(), found.known
}

// topologyNames are the shared topologies that a scenario file could name.
func (l *loader) topologyNames(file string) []string {
	list := map[string]bool{}
	collect := func(fsys fs.FS, dir string) {
		files, _ := fs.Glob(fsys, path.Join(dir, "topologies", "*.yaml")) // the pattern is well-formed
		for _, f := range files {
			list[strings.TrimSuffix(path.Base(f), ".yaml")] = true
		}
	}
	collect(scenarios.FS, ".")
	for _, dir := range []string{path.Dir(file), path.Dir(path.Dir(file)), "."} {
		collect(l.fsys, dir)
	}
	return slices.Sorted(maps.Keys(list))
}

func (t Topology) clone() Topology {
	t.Namespaces, t.Pods = slices.Clone(t.Namespaces), slices.Clone(t.Pods)
	for i := range t.Namespaces {
		t.Namespaces[i].Labels = maps.Clone(t.Namespaces[i].Labels)
	}
	for i := range t.Pods {
		t.Pods[i].Labels = maps.Clone(t.Pods[i].Labels)
		t.Pods[i].Ports = slices.Clone(t.Pods[i].Ports)
	}
	t.External.Ports, t.Nodes.Ports = slices.Clone(t.External.Ports), slices.Clone(t.Nodes.Ports)
	t.Completing, t.Terminating, t.Gated = slices.Clone(t.Completing), slices.Clone(t.Terminating), slices.Clone(t.Gated)
	return t
}
