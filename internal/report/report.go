// Package report says what a run came to, in the formats that people and machines read.
//
// Goals: the same run in, the same bytes out; a person finds the cause on the first
// screen; "could not tell" never looks like a pass in any format.
// Non-goals: judging, and asking a cluster anything. It imports judge, scenario and
// flow of this project, never cluster, observe or oracle.
package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// Input is everything that a report says.
type Input struct {
	Tool    string   // version of cniproof
	Command []string // as a person types it, the program's name first
	Cluster Cluster
	Library Library
	// Deviations are those that the implementation is known for.
	Deviations []Deviation
	// AllowDeviations keeps failures that they explain out of the exit code.
	AllowDeviations bool
	// Bundles are the folders about failures.
	Bundles Bundles
	// Run may be nil, or hold a preflight only, in a Header that is printed before the run.
	Run *judge.Run
}

// Bundles are folders that were written about failures, one for each scenario.
type Bundles struct {
	Path             string // of the folder that holds them
	Written, LeftOut int
	// Folders are those of the scenarios, by their names, as a page links to them; nil
	// where it need not.
	Folders map[string]string
}

// Cluster is what was judged.
type Cluster struct {
	Provider       string // "embedded", "kind", "existing"
	Implementation string // what enforces the policies
	Version        string // of the implementation
	Kubernetes     string // server version
	Reference      bool   // the implementation is cniproof's own engine, not a CNI
	Faults         []string
	Families       []flow.Family
	Protocols      []flow.Protocol
	Nodes          int
}

// Library is the scenarios among which those of the run were chosen.
type Library struct {
	// BuiltIn is false for the user's own.
	BuiltIn bool
	// Digest is that of the built-in library's files, "" for the user's own.
	Digest string
	// Scenarios is how many there are, selected or not.
	Scenarios int
}

// Options are about formats for people; the others ignore them.
type Options struct {
	Color   bool // adds colour; nothing is said by colour alone
	Width   int  // columns; 0 and everything above 100 stand for 100
	Verbose bool // nothing is left out for brevity
}

// Format is one way to write a report.
type Format struct {
	Name  string
	Write func(io.Writer, Input, Options) error
}

// Formats are all formats, in the order in which help texts name them.
func Formats() []Format {
	return []Format{
		{"text", writeText},
		{"json", writeJSON},
		{"junit", writeJUnit},
		{"html", writeHTML},
		{"markdown", writeMarkdown},
		{"github", writeGitHub},
	}
}

// Write writes the report in the named format.
func Write(w io.Writer, name string, in Input, o Options) error {
	var known []string
	for _, f := range Formats() {
		if f.Name != name {
			known = append(known, f.Name)
			continue
		}
		if err := f.Write(w, in, o); err != nil {
			return fmt.Errorf("writing the %s report: %w", name, err)
		}
		return nil
	}
	return fmt.Errorf("no report format %q: there are %s", name, strings.Join(known, ", "))
}
