package cniproof

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestAgentSources checks that the pattern embeds all sources and no test.
func TestAgentSources(t *testing.T) {
	embedded := map[string]bool{}
	err := fs.WalkDir(AgentSources, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			embedded[path] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := 2 // go.mod, go.sum
	for _, folder := range []string{"probes", "probes/agent", "internal/flow"} {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("looking into %s: %d files, %v", folder, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			want++
			if !embedded[filepath.ToSlash(file)] {
				t.Errorf("%s is not embedded: give it a name whose stem does not end in t", file)
			}
		}
	}
	if len(embedded) != want {
		t.Errorf("%d files are embedded, want %d", len(embedded), want)
	}
}
