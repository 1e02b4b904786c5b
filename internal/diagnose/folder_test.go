package diagnose_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cniproof/cniproof/internal/diagnose"
)

// TestDrop removes what a scenario left that did not fail in the end, and nothing else.
func TestDrop(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundles")
	f := diagnose.NewFolder(dir)
	files := diagnose.Render(evidence(t), snapshot(), diagnose.Words{})
	for _, name := range []string{"mended", "failed"} {
		if !f.Room(name) {
			t.Fatal("no room")
		}
		if _, err := f.Write(name, files); err != nil {
			t.Fatal(err)
		}
	}
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	if err := f.Drop("mended"); err != nil || there("mended") || !there("failed") {
		t.Errorf("mended is there: %t, failed is there: %t, %v", there("mended"), there("failed"), err)
	}
	if names := f.Names(); len(names) != 1 || names[0] != "failed" {
		t.Errorf("bundles of %v", names)
	}
	if err := f.Drop("failed"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("an empty folder is left")
	}
	if _, err := f.Write("earlier", files); err != nil { // of another run
		t.Fatal(err)
	}
	if err := f.Drop("earlier"); err != nil || !there("earlier") {
		t.Errorf("somebody else's bundle was removed: %v", err)
	}
}
