package scenario

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/goldentest"
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
			goldentest.File(t, *update, strings.TrimSuffix(file, ".yaml")+".golden", problems.Error()+"\n")
		})
	}
}
