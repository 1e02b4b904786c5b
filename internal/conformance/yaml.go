package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/cniproof/cniproof/internal/strict"
)

// YAML is the report as it is published: the same report, the same bytes.
func (r *Report) YAML() ([]byte, error) {
	text, err := json.Marshal(r) // which is YAML, with its fields in order
	if err != nil {
		return nil, fmt.Errorf("writing the conformance report: %w", err)
	}
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		return nil, fmt.Errorf("writing the conformance report: %w", err)
	}
	plain(&n)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&n); err != nil {
		return nil, fmt.Errorf("writing the conformance report: %w", err)
	}
	return b.Bytes(), nil
}

// plain makes the flow style of JSON the block style of YAML.
func plain(n *yaml.Node) {
	if len(n.Content) > 0 || n.Kind == yaml.ScalarNode {
		n.Style = 0
	}
	for _, c := range n.Content {
		plain(c)
	}
}

// File is a conformance report that was read.
type File struct {
	Name   string
	Report *Report
	lines  strict.Positions
}

// Read reads a conformance report. The error is strict.Problems: every field that it
// should not have, or that has the wrong shape.
func Read(name string, text []byte) (*File, error) {
	documents, problems := strict.Documents(name, text)
	if len(problems) > 0 {
		return nil, problems
	}
	d := strict.NewDecoder(name)
	if len(documents) > 1 {
		d.Report(documents[1].Line, "", "a second document: a file holds one report")
	}
	f := &File{Name: name, Report: &Report{}, lines: d.Lines}
	d.Document(documents[0], "", f.Report)
	d.Shaped()
	if f.Report.APIVersion != APIVersion {
		d.Wrong("apiVersion", "must be %q, not %q", APIVersion, f.Report.APIVersion)
	}
	if f.Report.Kind != Kind {
		d.Wrong("kind", "must be %q, not %q", Kind, f.Report.Kind)
	}
	for _, field := range required() {
		if !d.Lines.Has(field) {
			d.Wrong(field, "is missing")
		}
	}
	if len(d.Problems) > 0 {
		return nil, d.Problems.Sorted()
	}
	return f, nil
}

// required are the fields without which nothing can be checked.
func required() []string {
	return []string{
		"apiVersion", "kind", "implementation", "judged", "kubernetesVersion", "date", "tool", "cluster", "library", "runs",
		"profiles", "knownDeviations", "disqualified",
	}
}
