package cli_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/page/pagetest"
)

// TestPagesOfRealRuns judges the embedded cluster, once with a planted fault, and looks
// at what a person sees of it. The pictures of docs/images are made here.
func TestPagesOfRealRuns(t *testing.T) {
	browser := pagetest.Start(t)
	dir := t.TempDir()
	some := "^(and-in-one-peer|canonical-.*)$"
	cniproof(t, dir, 1, "run", "-q", "--fault", "and-as-or", "--run", some, "--report", "html=bad.html", "--report", "json=bad.json")
	cniproof(t, dir, 0, "run", "-q", "--run", some, "--report", "html=good.html", "--report", "json=good.json")
	matrix := cniproof(t, dir, 0, "matrix", "-o", "html", "good.json", "bad.json")

	tab := browser.Open(t, contents(t, dir, "bad.html"), "", pagetest.Window{Width: 1200, Height: 1360})
	text := tab.Text()
	for _, want := range []string{
		"FAULTS PLANTED ON PURPOSE: and-as-or", "REFERENCE ENGINE", "What is wrong", "A peer with both selectors admits only pods that match both.",
		"policy prod/db selects prod/db for ingress, and no rule admits prod/api: rule 1 peer 1 wants namespace label env=staging",
		"Consistent with the two selectors of one peer being joined by OR, not AND",
		"namespaceSelector: {matchLabels: {env: staging}}", "cniproof explain and-in-one-peer",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if n := pagetest.Eval[int](tab, `document.querySelectorAll('#and-in-one-peer td.w').length`); n != 2 {
		t.Errorf("%d cells are marked wrong, want 2", n)
	}
	tab.Screenshot("report")

	good := browser.Open(t, contents(t, dir, "good.html"), "", pagetest.Window{Width: 1200, Height: 900, Dark: true})
	if n := pagetest.Eval[int](good, `document.querySelectorAll('.plot').length`); n != 2 {
		t.Errorf("%d distributions of latencies, want those of enforcing and of revoking", n)
	}
	if n := pagetest.Eval[int](good, `document.querySelectorAll('#and-in-one-peer .line').length`); n < 2 {
		t.Errorf("%d timelines, want one for each step that changed something", n)
	}
	good.Screenshot("report-dark")
	compared := browser.Open(t, matrix, "", pagetest.Window{Width: 1200, Height: 700})
	compared.Screenshot("matrix")
	for _, page := range []*pagetest.Tab{tab, good, compared} {
		if found := page.Barriers(); len(found) > 0 {
			t.Errorf("barriers: %q", found)
		}
	}
}

// cniproof runs this very program as cniproof, and returns what it wrote.
func cniproof(t *testing.T, dir string, code int, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "cniproof", args...)
	var complaints strings.Builder
	cmd.Dir, cmd.Stderr = dir, &complaints
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("cniproof %s ended with %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, complaints.String())
	}
	return out
}

func contents(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
