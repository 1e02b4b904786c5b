// Package compare sets runs beside one another: the matrix of several clusters, and
// the difference between two runs of one. It reads their JSON reports and nothing
// else: same reports in, same bytes out.
package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/benchreport"
	"github.com/cniproof/cniproof/internal/report"
)

// Read reads JSON reports of runs. Its error names every file that is none.
func Read(paths ...string) ([]report.Document, error) {
	return readAll(paths, func(path string, d *report.Document) error {
		return mark{report.APIVersion, report.Kind, "cniproof run"}.check(path, d.APIVersion, d.Kind)
	})
}

// ReadLatencies reads JSON reports of benchmarks of latencies.
func ReadLatencies(paths ...string) ([]benchreport.Document, error) {
	return readAll(paths, func(path string, d *benchreport.Document) error {
		return mark{benchreport.APIVersion, benchreport.DocumentKind, "cniproof bench latency"}.check(path, d.APIVersion, d.Kind)
	})
}

// AreLatencies reports whether one of the files is a report of latencies. What cannot
// be read is not.
func AreLatencies(paths ...string) bool {
	return slices.ContainsFunc(paths, func(path string) bool {
		var head struct{ Kind string }
		text, err := os.ReadFile(path)
		return err == nil && json.Unmarshal(text, &head) == nil && head.Kind == benchreport.DocumentKind
	})
}

func readAll[D any](paths []string, check func(string, *D) error) ([]D, error) {
	var errs []error
	list := make([]D, len(paths))
	for i, path := range paths {
		text, err := os.ReadFile(path)
		switch {
		case err != nil:
			err = fmt.Errorf("reading the report: %w", err)
		case json.Unmarshal(text, &list[i]) != nil:
			err = fmt.Errorf("%s: not a JSON report of cniproof: %w", path, json.Unmarshal(text, new(D)))
		default:
			err = check(path, &list[i])
		}
		errs = append(errs, err)
	}
	return list, errors.Join(errs...)
}

// mark is what tells a kind of report from others, and the command that writes it.
type mark struct{ apiVersion, kind, command string }

func (m mark) check(path, apiVersion, kind string) error {
	if kind == m.kind && apiVersion == m.apiVersion {
		return nil
	}
	return fmt.Errorf("%s: it is %q of %q; want %q of %q, as `%s --report json=PATH` writes it",
		path, kind, apiVersion, m.kind, m.apiVersion, m.command)
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

// name is what was judged.
func (s Subject) name() string { return named(s.Implementation, s.Version, s.Faults) }

// named is an implementation in a few words: with faults that were planted it is
// something else.
func named(implementation, version string, faults []string) string {
	text := strings.TrimSpace(implementation + " " + version)
	if len(faults) > 0 {
		text += " with " + strings.Join(faults, " + ")
	}
	return text
}
