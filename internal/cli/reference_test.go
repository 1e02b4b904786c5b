package cli

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

const referenceFile = "../../docs/cli.md"

// TestReference holds docs/cli.md and the commands together.
func TestReference(t *testing.T) {
	a := &app{stdout: io.Discard, stderr: io.Discard}
	var b strings.Builder
	b.WriteString("# The command line\n\n<!-- Written by `make generate`. -->\n\n" +
		"Exit codes: 0 all pass; 1 a verdict is wrong; 2 inconclusive, or the infrastructure failed; 3 bad input; 130 interrupted.\n")
	describe(&b, a.root())
	if f := flag.Lookup("update"); f.Value.String() == "true" {
		if err := os.WriteFile(referenceFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("docs/cli.md differs; make generate rewrites it (-want +got):\n%s", diff)
	}
}

// describe writes a command, and those below it, as Markdown.
func describe(b *strings.Builder, cmd *cobra.Command) {
	if cmd.Runnable() {
		about := cmd.Long
		if about == "" {
			about = cmd.Short + "."
		}
		fmt.Fprintf(b, "\n## %s\n\n%s\n\nUsage: `%s`\n", cmd.CommandPath(), about, cmd.UseLine())
		if cmd.Example != "" {
			fmt.Fprintf(b, "\nFor example:\n\n%s\n", indented(cmd.Example))
		}
		const width = 116 // within the lines of the other documents
		if flags := cmd.NonInheritedFlags().FlagUsagesWrapped(width); flags != "" {
			fmt.Fprintf(b, "\n```text\n%s```\n", flags)
		}
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			describe(b, sub)
		}
	}
}

// indented is an example as a block of code.
func indented(example string) string {
	lines := strings.Split(example, "\n")
	for i, line := range lines {
		lines[i] = "  " + line
	}
	return strings.Join(lines, "\n")
}
