package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/judge"
)

func gitHubOf(t *testing.T, in Input) []string {
	t.Helper()
	var b strings.Builder
	if err := writeGitHub(&b, in, Options{}); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// TestGitHubFile names files of the user, and no others.
func TestGitHubFile(t *testing.T) {
	for _, tt := range []struct {
		file    string
		builtIn bool
		want    string
	}{
		{"mine/deny: a,b.yaml", false, "file=mine/deny%3A a%2Cb.yaml,"},
		{"./mine/../x.yaml", false, "file=x.yaml,"},
		{"/elsewhere/x.yaml", false, ""},
		{"../x.yaml", false, ""},
		{"basics/x.yaml", true, ""},
		{"", false, ""},
	} {
		in := faulty()
		in.Library.BuiltIn, in.Run.Scenarios[1].File = tt.builtIn, tt.file
		want := "::error " + tt.want + "title=and-in-one-peer (must)::"
		if lines := gitHubOf(t, in); !strings.HasPrefix(lines[1], want) {
			t.Errorf("%q: got %.80q, want %q", tt.file, lines[1], want)
		}
	}
}

// TestGitHubEscapes: nothing in a message may begin another command.
func TestGitHubEscapes(t *testing.T) {
	in := faulty()
	in.Run.Scenarios[1].Name = "100%\n::error::gotcha"
	in.Cluster.Implementation = "x::y,z"
	lines := gitHubOf(t, in)
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2: %q", len(lines), lines)
	}
	if want := "title=100%25 %3A%3Aerror%3A%3Agotcha (must)::"; !strings.Contains(lines[1], want) {
		t.Errorf("no %q in %.100q", want, lines[1])
	}
}

// TestGitHubLimit: GitHub shows ten annotations of a kind.
func TestGitHubLimit(t *testing.T) {
	in := faulty()
	failure := in.Run.Scenarios[1]
	for i := range 30 {
		failure.Name = fmt.Sprintf("failure-%02d", i)
		failure.Result = judge.Fail
		if i%2 == 1 {
			failure.Result = judge.Inconclusive
		}
		in.Run.Scenarios = append(in.Run.Scenarios, failure)
	}
	count := map[string]int{}
	lines := gitHubOf(t, in)
	for _, line := range lines {
		kind, _, _ := strings.Cut(line, " ")
		count[kind]++
	}
	if count["::error"] != 10 || count["::warning"] != 10 || len(lines) != 20 {
		t.Errorf("%v of %d lines", count, len(lines))
	}
	for _, want := range []string{"::error title=cniproof%3A and 8 more scenarios::failure-14, ", "::warning title=cniproof%3A and 6 more scenarios::failure-19, "} {
		if !strings.Contains(strings.Join(lines, "\n"), want) {
			t.Errorf("no %q in %q", want, lines)
		}
	}
}
