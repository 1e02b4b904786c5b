package scenario

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestBrokenFiles holds what is said of each broken file against a golden file
// beside it, which a person can review.
func TestBrokenFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 25 {
		t.Fatalf("found %d broken files, error %v; want at least 25", len(files), err)
	}
	for _, file := range files {
		t.Run(stem(file), func(t *testing.T) {
			problems := CheckFile(os.DirFS("testdata/broken"), filepath.Base(file))
			if len(problems) == 0 {
				t.Fatal("nothing was found wrong")
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", problems.Error()+"\n")
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run the test with -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs, -want +got; rewrite it with -update:\n%s", file, diff)
	}
}
