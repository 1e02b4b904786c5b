// Command families writes the scenarios that are cross products and long lists: too
// many, or too long, to be written by hand without a slip. What it expects follows from
// how each policy was put together, never from the policy: the oracle, which reads that,
// has to come to the same.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// head is the first line of every file that is written here, and of none other.
const head = "# Written by hack/families"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: families FOLDER-OF-SCENARIOS")
		os.Exit(2)
	}
	if err := write(os.Args[1], everyFile()); err != nil {
		fmt.Fprintln(os.Stderr, "families:", err)
		os.Exit(1)
	}
}

func everyFile() []file {
	return slices.Concat(crossedRules(), crossedPolicies(), crossedBlocks(), longLists(), corners(), datagrams(), oddLengths())
}

// file is one scenario, or one topology.
type file struct {
	topic, name string
	from        string // what it is a member of, for its head
	text        string // below the head
}

func (f file) path() string { return filepath.Join(f.topic, f.name+".yaml") }

func (f file) content() string {
	return fmt.Sprintf("%s (make generate): %s.\n%s", head, f.from, f.text)
}

// write makes the folder hold these files, and no other that was once written here.
func write(folder string, files []file) error {
	if err := removeOld(folder, files); err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(folder, f.path())
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("making the folder of %q: %w", path, err)
		}
		if err := os.WriteFile(path, []byte(f.content()), 0o644); err != nil {
			return fmt.Errorf("writing %q: %w", path, err)
		}
	}
	return nil
}

func removeOld(folder string, files []file) error {
	paths, err := filepath.Glob(filepath.Join(folder, "*", "*.yaml"))
	if err != nil {
		return fmt.Errorf("looking into %q: %w", folder, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading %q: %w", path, err)
		}
		if !strings.HasPrefix(string(text), head) || slices.ContainsFunc(files, func(f file) bool { return filepath.Join(folder, f.path()) == path }) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("removing %q: %w", path, err)
		}
	}
	return nil
}
