// Command mutationtable writes docs/mutations.md: small mistakes in how policies and labels
// could be read, and which scenarios would see each of them.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cniproof/cniproof/internal/mutation"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: mutationtable FOLDER-OF-DOCUMENTS")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "mutationtable:", err)
		os.Exit(1)
	}
}

func run(docs string) error {
	list, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		return err
	}
	library, err := mutation.Play(list)
	if err != nil {
		return err
	}
	results, err := mutation.Try(mutation.All(), library)
	if err != nil {
		return err
	}
	out := filepath.Join(docs, "mutations.md")
	if err := os.WriteFile(out, []byte(document(results, len(library))), 0o644); err != nil {
		return fmt.Errorf("writing %q: %w", out, err)
	}
	return nil
}

const head = `# Mutations, and the scenarios that would see them

<!-- Written by ` + "`make generate`" + ` (hack/mutationtable); a check demands that it is current. -->

A network plugin has to read policies and labels before it can enforce them. These are %d small mistakes in how it could:
each makes of the policies, labels and ports of a moment those that such a plugin would take them for. All of them are tried on
each of the %d scenarios that pass or fail, mirrors among them, and a test demands that at least one scenario sees each.

This is computed, not measured: no cluster runs, and nothing is said of how anything is enforced. For every step of a scenario the
oracle says what must become of each flow, by what there is and by what the plugin takes for it, between pods, hosts and
nodes directly. A scenario *sees* the mistake if a flow that must be allowed would then be denied, or the other way round.
Flows that no specification settles, in either way, do not count. [Faults](faults.md) are what is really planted
into a cluster, run and caught; they are fewer, and also err where policies are read well.

*Seen by* is the number of scenarios that see the mistake, *of* the number of those in which the plugin takes some
moment's policies or labels for others.
`

func document(results []mutation.Result, scenarios int) string {
	var b strings.Builder
	fmt.Fprintf(&b, head, len(results), scenarios)
	subject := ""
	for _, r := range results {
		if r.Subject != subject {
			subject = r.Subject
			fmt.Fprintf(&b, "\n## %s\n\n| mutation | what the plugin gets wrong | seen by | of | among them |\n|---|---|---:|---:|---|\n", subject)
		}
		some := r.Seen[:min(3, len(r.Seen))]
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s |\n", r.Name, r.Sentence, len(r.Seen), len(r.Touched), strings.Join(some, ", "))
	}
	return b.String()
}
