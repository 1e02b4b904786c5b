package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWriteLeavesOthersAlone checks that a file which is no longer wanted goes, but
// none that a person wrote.
func TestWriteLeavesOthersAlone(t *testing.T) {
	folder := t.TempDir()
	if err := write(folder, []file{{"lists", "old", "a list", "x"}, {"lists", "kept", "a list", "x"}}); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(folder, "lists", "mine.yaml")
	if err := os.WriteFile(mine, []byte("# by hand\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(folder, []file{{"lists", "kept", "a list", "y"}}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"old": false, "kept": true, "mine": true} {
		if _, err := os.Stat(filepath.Join(folder, "lists", name+".yaml")); (err == nil) != want {
			t.Errorf("%s: %v, want it to be there: %v", name, err, want)
		}
	}
}

// TestNamesAreTheirOwn checks that no file of a family overwrites another.
func TestNamesAreTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range everyFile() {
		if seen[f.name] {
			t.Errorf("%s is written twice", f.name)
		}
		seen[f.name] = true
	}
	if len(seen) < 50 {
		t.Errorf("only %d files", len(seen))
	}
}
