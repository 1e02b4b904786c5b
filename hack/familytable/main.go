// Command familytable writes docs/families.md: the families of bugs that real
// implementations had, the scenarios that are about them, and the planted faults that
// these scenarios catch.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: familytable FOLDER-OF-DOCUMENTS")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "familytable:", err)
		os.Exit(1)
	}
}

func run(docs string) error {
	list, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(docs, "faults.md"))
	if err != nil {
		return fmt.Errorf("reading which scenarios catch which faults: %w", err)
	}
	out := filepath.Join(docs, "families.md")
	if err := os.WriteFile(out, []byte(document(list, caught(string(text)))), 0o644); err != nil {
		return fmt.Errorf("writing %q: %w", out, err)
	}
	return nil
}

// caught is the faults that each scenario catches, by its name, in the document's order.
func caught(faults string) map[string][]string {
	by := map[string][]string{}
	for _, section := range strings.Split(faults, "\n### ")[1:] {
		fault, names, _ := strings.Cut(section, "\n")
		for _, name := range strings.FieldsFunc(names, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
			by[name] = append(by[name], fault)
		}
	}
	return by
}

// row is one family with what belongs to it.
type row struct {
	family
	scenarios, faults []string
}

func rows(list []*scenario.Scenario, caught map[string][]string) (all []row, homeless []string) {
	belongs := map[string]bool{}
	for _, f := range families() {
		r := row{family: f}
		for _, s := range list {
			if !f.members.MatchString(s.Topic + "/" + s.Name) {
				continue
			}
			belongs[s.Name] = true
			r.scenarios = append(r.scenarios, s.Name)
			for _, fault := range caught[s.Name] {
				if !slices.Contains(r.faults, fault) {
					r.faults = append(r.faults, fault)
				}
			}
		}
		slices.Sort(r.scenarios)
		slices.Sort(r.faults)
		all = append(all, r)
	}
	for _, s := range list {
		if !belongs[s.Name] {
			homeless = append(homeless, s.Name)
		}
	}
	slices.Sort(homeless)
	return all, homeless
}

const head = `# Families of bugs, the scenarios about them, and the faults that these catch

<!-- Written by ` + "`make generate`" + ` (hack/familytable); a check demands that it is current. -->

A survey of 244 bugs in public trackers, of Calico, Cilium, Weave, kube-router, Antrea, OVN-Kubernetes, Azure NPM, AWS and others,
sorted them into 28 families. These are the scenarios that are about each, and of [the faults](faults.md) that can be planted into the
embedded cluster those that they catch. A scenario may belong to several families. A family without a scenario is one that
the library does not cover.

| family | bugs | scenarios | faults caught |
|---|---:|---:|---:|
`

func document(list []*scenario.Scenario, caught map[string][]string) string {
	all, homeless := rows(list, caught)
	var b strings.Builder
	b.WriteString(head)
	for _, r := range all {
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", r.name, r.bugs, len(r.scenarios), len(r.faults))
	}
	for _, r := range all {
		fmt.Fprintf(&b, "\n## %s\n", r.name)
		paragraph(&b, "Scenarios", r.scenarios)
		paragraph(&b, "Faults", r.faults)
	}
	b.WriteString("\n## Of no family of the survey\n")
	paragraph(&b, "Scenarios", homeless)
	return b.String()
}

// paragraph is a list of names, broken into lines that a person can read in a diff.
func paragraph(b *strings.Builder, title string, names []string) {
	if len(names) == 0 {
		fmt.Fprintf(b, "\n%s: none.\n", title)
		return
	}
	line := title + ":"
	b.WriteString("\n")
	for i, name := range names {
		word := " " + name + ","
		if i == len(names)-1 {
			word = " " + name + "."
		}
		if len(line)+len(word) > 118 {
			b.WriteString(line + "\n")
			line, word = "", strings.TrimPrefix(word, " ")
		}
		line += word
	}
	b.WriteString(line + "\n")
}
