package cni

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/spelling"
	"github.com/cniproof/cniproof/internal/strict"
)

//go:embed catalog/*.yaml
var builtin embed.FS

// Catalog is all entries, by name.
type Catalog []Entry

// Load reads the built-in entries and those of the overlays, each of which replaces
// entries of the same name. What is known of a CNI stays known: an entry that says
// nothing of lacks or deviations keeps those of the one that it replaces. A nil
// overlay is none. The error lists every mistake of every file.
func Load(overlays ...fs.FS) (Catalog, error) {
	inside, err := fs.Sub(builtin, "catalog")
	if err != nil {
		return nil, err
	}
	byName := map[string]Entry{}
	var problems strict.Problems
	for i, fsys := range append([]fs.FS{inside}, overlays...) {
		if fsys == nil {
			continue
		}
		list, wrong := loadFolder(fsys, i > 0)
		for _, e := range list {
			byName[e.Name] = e.after(byName[e.Name])
		}
		problems = append(problems, wrong...)
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	var c Catalog
	for _, e := range byName {
		c = append(c, e)
	}
	slices.SortFunc(c, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return c, c.variants()
}

// after is the entry in the place of another one.
func (e Entry) after(replaced Entry) Entry {
	if e.Lacks == nil {
		e.Lacks = replaced.Lacks
	}
	if e.Deviations == nil {
		e.Deviations = replaced.Deviations
	}
	return e
}

// variants makes sure that what entries say of each other is so.
func (c Catalog) variants() error {
	for _, e := range c {
		if e.VariantOf == "" {
			continue
		}
		if _, err := c.Get(e.VariantOf); err != nil {
			return fmt.Errorf("%s: variantOf: %w", e.Name, err)
		}
	}
	return nil
}

// loadFolder reads every entry of a folder. Other YAML files must be named by one.
func loadFolder(fsys fs.FS, outside bool) ([]Entry, strict.Problems) {
	files, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, strict.Problems{{File: ".", Message: err.Error()}}
	}
	var list []Entry
	var problems strict.Problems
	others := map[string]bool{}
	for _, file := range files {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			problems = append(problems, strict.Problem{File: file, Message: fmt.Sprintf("cannot be read: %v", err)})
			continue
		}
		if outside && !isEntry(file, text) {
			others[file] = true
			continue
		}
		e, wrong := parse(file, text, fsys, outside)
		list, problems = append(list, e), append(problems, wrong...)
		if stem := strings.TrimSuffix(path.Base(file), path.Ext(file)); len(wrong) == 0 && e.Name != stem {
			problems = append(problems, strict.Problem{File: file, Field: "metadata.name", Message: fmt.Sprintf("is %q, but the file is called %s: the two must be alike", e.Name, stem)})
		}
	}
	for _, e := range list {
		for _, s := range e.Install {
			delete(others, path.Clean(s.File))
		}
	}
	for _, file := range slices.Sorted(maps.Keys(others)) {
		problems = append(problems, strict.Problem{File: file, Message: "is no entry (kind: CNI), and no entry names it"})
	}
	return list, problems
}

func isEntry(file string, text []byte) bool {
	documents, _ := strict.Documents(file, text)
	return len(documents) > 0 && strict.KindOf(documents[0]) == Kind
}

// Get finds an entry.
func (c Catalog) Get(name string) (Entry, error) {
	for _, e := range c {
		if e.Name == name {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("no CNI %q in the catalog: %s", name, spelling.Suggest(name, c.Names()))
}

// Names are the names of all entries, sorted.
func (c Catalog) Names() []string {
	names := make([]string, len(c))
	for i, e := range c {
		names[i] = e.Name
	}
	return names
}
