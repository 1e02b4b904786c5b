// Package compare sets runs beside one another: the matrix of several clusters, and
// the difference between two runs of one. It reads their JSON reports and nothing
// else: same reports in, same bytes out.
package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cniproof/cniproof/internal/report"
)

// Read reads JSON reports. Its error names every file that is none.
func Read(paths ...string) ([]report.Document, error) {
	var errs []error
	list := make([]report.Document, len(paths))
	for i, path := range paths {
		if err := read(path, &list[i]); err != nil {
			errs = append(errs, err)
		}
	}
	return list, errors.Join(errs...)
}

func read(path string, into *report.Document) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the report: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: not a JSON report of cniproof: %w", path, err)
	}
	if into.Kind != report.Kind || into.APIVersion != report.APIVersion {
		return fmt.Errorf("%s: it is %q of %q; want %q of %q, as `cniproof run --report json=PATH` writes it",
			path, into.Kind, into.APIVersion, report.Kind, report.APIVersion)
	}
	return nil
}

// Subject is what a run judged.
type Subject struct {
	Tool           string `json:"tool"` // version of cniproof
	Implementation string `json:"implementation"`
	Version        string `json:"version"`
	Kubernetes     string `json:"kubernetes"`
	Provider       string `json:"provider"`
	Nodes          int    `json:"nodes"`
	// Complete is false where the run was interrupted or the infrastructure ended it.
	Complete bool          `json:"complete"`
	Counts   report.Counts `json:"counts"`
	Began    string        `json:"began"`  // RFC 3339
	Faults   []string      `json:"faults"` // planted on purpose
}

func subject(d report.Document) Subject {
	return Subject{
		Tool: d.Tool.Version, Faults: d.Implementation.Faults,
		Implementation: d.Implementation.Name, Version: d.Implementation.Version,
		Kubernetes: d.Cluster.Kubernetes, Provider: d.Cluster.Provider, Nodes: d.Cluster.Nodes,
		Complete: !d.Interrupted && d.Error == "", Counts: d.Summary.Counts,
		Began: d.Begin.UTC().Format("2006-01-02T15:04:05Z"),
	}
}

// String is the subject in a few words.
func (s Subject) String() string {
	return s.name() + ", Kubernetes " + s.Kubernetes
}

// name is what was judged: with faults that were planted it is something else.
func (s Subject) name() string {
	text := strings.TrimSpace(s.Implementation + " " + s.Version)
	if len(s.Faults) > 0 {
		text += " with " + strings.Join(s.Faults, " + ")
	}
	return text
}
