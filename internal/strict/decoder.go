// Package strict reads YAML that people write: scenarios, catalog entries, the index
// of a mirror.
//
// Goals: no field that nobody knows is read over in silence; every mistake of a file
// is reported at once, as "file:line: field: message".
// Non-goals: knowing what a field means. It imports no other package of this project
// but the one that knows similar names.
package strict

import (
	"fmt"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Decoder fills Go values from YAML nodes along their json tags. It goes on after
// a mistake, so that one pass finds them all, and notes where each field stands.
type Decoder struct {
	File     string
	Lines    Positions
	Problems Problems
	// Kubectl is true for a file that kubectl is to read too. It reads YAML 1.1, in
	// which more words are booleans.
	Kubectl bool

	// structural is how many of the problems are about the shape of the document.
	// What is said later of a field with such a problem would only repeat it.
	structural int
	types      map[reflect.Type]map[string][]int // json name to field index
	within     []enclosing
	nodes      int
}

// enclosing is a mapping around the one being decoded.
type enclosing struct {
	path   string
	fields map[string][]int
}

// NewDecoder returns a decoder for documents of one file, which it names in problems.
func NewDecoder(file string) *Decoder {
	return &Decoder{File: file, Lines: Positions{}, types: map[reflect.Type]map[string][]int{}}
}

// Document decodes a whole document into a struct. path is where the document
// itself stands, "" for the outermost.
func (d *Decoder) Document(n *yaml.Node, path string, into any) {
	if !d.Lines.Has(path) {
		d.Lines[path] = n.Line
	}
	d.value(n, path, reflect.ValueOf(into).Elem())
}

// Shaped ends the decoding: what is reported from now on is about what fields mean.
func (d *Decoder) Shaped() { d.structural = len(d.Problems) }

// WellShaped reports whether no field was malformed when the decoding ended.
func (d *Decoder) WellShaped() bool { return d.structural == 0 }

// Report reports a mistake.
func (d *Decoder) Report(line int, path, format string, args ...any) {
	d.Problems = append(d.Problems, Problem{File: d.File, Line: line, Field: path, Message: fmt.Sprintf(format, args...)})
}

// ReportAt reports a mistake of a field that has been decoded, or is missing.
func (d *Decoder) ReportAt(path, format string, args ...any) {
	d.Report(d.Lines.Line(path), path, format, args...)
}

// Wrong reports a mistake in what a field means, unless its shape is wrong already.
func (d *Decoder) Wrong(path, format string, args ...any) {
	if !d.Malformed(path) {
		d.ReportAt(path, format, args...)
	}
}

// Wrongs reports several mistakes in what one field means.
func (d *Decoder) Wrongs(path string, rules []string) {
	for _, rule := range rules {
		d.Wrong(path, "%s", rule)
	}
}

// Malformed reports whether the shape of a field, of something in it or of something
// around it is wrong.
func (d *Decoder) Malformed(path string) bool {
	return d.InsideMalformed(path) || slices.ContainsFunc(d.Problems[:d.structural], func(p Problem) bool {
		return isBelow(p.Field, path)
	})
}

// InsideMalformed reports whether the shape of a field or of something around it is wrong.
func (d *Decoder) InsideMalformed(path string) bool {
	return slices.ContainsFunc(d.Problems[:d.structural], func(p Problem) bool {
		return p.Field == path || isBelow(path, p.Field)
	})
}
