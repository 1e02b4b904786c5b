package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cniproof/cniproof/internal/diagnose"
	"github.com/cniproof/cniproof/internal/judge"
)

// TestOnlyFailuresKeepTheirBundles: a scenario that passes in the end leaves none, one
// that was cut short leaves what it has.
func TestOnlyFailuresKeepTheirBundles(t *testing.T) {
	files := []diagnose.File{{Name: "README.md", Body: "x"}, {Name: "pods.txt", Body: "x"}}
	for result, keeps := range map[judge.Result]bool{
		judge.Pass: false, judge.Recorded: false, judge.Fail: true, judge.Inconclusive: true, judge.Skipped: true,
	} {
		b := newBundles(filepath.Join(t.TempDir(), "bundles"), nil, nil)
		b.folder.Room("sample")
		if _, err := b.folder.Write("sample", files); err != nil {
			t.Fatal(err)
		}
		b.ended(judge.Scenario{Name: "sample", Result: result})
		_, err := os.Stat(b.folder.Dir("sample"))
		if kept := err == nil; kept != keeps || b.summary().Written == 1 != keeps || len(b.summary().Folders) == 1 != keeps {
			t.Errorf("%s: kept is %t, %+v", result, kept, b.summary())
		}
	}
	var none *bundles
	none.ended(judge.Scenario{Result: judge.Pass})
}
