package cli

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/cni"
)

// The table in docs/cni-catalog.md is the catalog's. -update, which the package's
// other tests define, rewrites it.
func TestCatalogTable(t *testing.T) {
	catalog, err := cni.Load()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| name | version | installed | pinned | enforces | claims | deviations | run by the project |\n|---|---|---|---|---|---|---|---|\n")
	for _, e := range catalog {
		fmt.Fprintf(&b, "| [%s](%s) | %s |\n", e.Name, e.Homepage, strings.Join(row(e)[1:], " | "))
	}
	file := filepath.Join("..", "..", "docs", "cni-catalog.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), "<!-- table -->\n")
	_, after, found := strings.Cut(rest, "<!-- end of table -->\n")
	if !found {
		t.Fatalf("%s has no place for the table", file)
	}
	want := before + "<!-- table -->\n" + b.String() + "<!-- end of table -->\n" + after
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil { //nolint:gosec // a document is for everybody to read
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s differs; `make generate` rewrites it (-want +got):\n%s", file, diff)
	}
}
