package scenario

import (
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// maxNodes bounds what one document may expand to, aliases included.
const maxNodes = 200_000

// decoder fills Go values from YAML nodes along their json tags. It goes on after
// a mistake, so that one pass finds them all, and notes where each field stands.
type decoder struct {
	file     string
	lines    positions
	problems Problems
	// structural is how many of the problems are about the shape of the document.
	// What is said later of a field with such a problem would only repeat it.
	structural int
	types      map[reflect.Type]map[string][]int // json name to field index
	within     []enclosing
	nodes      int
	// kubectl is true for a file that kubectl is to read too. It reads YAML 1.1, in
	// which more words are booleans.
	kubectl bool
}

// enclosing is a mapping around the one being decoded.
type enclosing struct {
	path   string
	fields map[string][]int
}

func newDecoder(file string) *decoder {
	return &decoder{file: file, lines: positions{}, types: map[reflect.Type]map[string][]int{}}
}

func (d *decoder) report(line int, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: d.file, Line: line, Field: path, Message: fmt.Sprintf(format, args...)})
}

// reportAt reports a mistake of a field that has been decoded, or is missing.
func (d *decoder) reportAt(path, format string, args ...any) {
	d.report(d.lines.line(path), path, format, args...)
}

// wrong reports a mistake in what a field means, unless its shape is wrong already.
func (d *decoder) wrong(path, format string, args ...any) {
	if !d.malformed(path) {
		d.reportAt(path, format, args...)
	}
}

func (d *decoder) wrongs(path string, rules []string) {
	for _, rule := range rules {
		d.wrong(path, "%s", rule)
	}
}

// malformed reports whether the shape of a field, of something in it or of something
// around it is wrong.
func (d *decoder) malformed(path string) bool {
	return d.insideMalformed(path) || slices.ContainsFunc(d.problems[:d.structural], func(p Problem) bool {
		return isBelow(p.Field, path)
	})
}

// insideMalformed reports whether the shape of a field or of something around it is wrong.
func (d *decoder) insideMalformed(path string) bool {
	return slices.ContainsFunc(d.problems[:d.structural], func(p Problem) bool {
		return p.Field == path || isBelow(path, p.Field)
	})
}

// document decodes a whole document into a struct. path is where the document
// itself stands, "" for the outermost.
func (d *decoder) document(n *yaml.Node, path string, into any) {
	if !d.lines.has(path) {
		d.lines[path] = n.Line
	}
	d.value(n, path, reflect.ValueOf(into).Elem())
}

// selfDecoder is a value with more than one shape in YAML.
type selfDecoder interface {
	decodeYAML(d *decoder, n *yaml.Node, path string)
}

// value decodes one node. A null leaves the zero value, as JSON does.
func (d *decoder) value(n *yaml.Node, path string, into reflect.Value) {
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.report(n.Line, path, "the document expands to more than %d values", maxNodes)
		}
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if isNull(n) {
		return
	}
	switch target := into.Addr().Interface().(type) {
	case selfDecoder:
		target.decodeYAML(d, n, path)
	case *intstr.IntOrString:
		d.intOrString(n, path, target)
	case json.Unmarshaler:
		d.unmarshal(n, path, target)
	default:
		d.plain(n, path, into)
	}
}

func (d *decoder) plain(n *yaml.Node, path string, into reflect.Value) {
	switch into.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(into.Type().Elem())
		d.value(n, path, fresh.Elem())
		into.Set(fresh)
	case reflect.Struct:
		d.structure(n, path, into)
	case reflect.Map:
		d.mapping(n, path, into)
	case reflect.Slice:
		d.sequence(n, path, into)
	default:
		d.scalar(n, path, into)
	}
}

func (d *decoder) structure(n *yaml.Node, path string, into reflect.Value) {
	if !d.expect(n, yaml.MappingNode, path) {
		return
	}
	fields := d.fields(into.Type())
	d.within = append(d.within, enclosing{path, fields})
	for at, pair := range d.entries(n, path, child) {
		key, value := pair.key, pair.value
		where, known := fields[key.Value]
		if !known {
			d.report(key.Line, at, "unknown field %q: %s", key.Value, d.whereElse(key.Value))
			continue
		}
		d.lines[at] = key.Line
		d.value(value, at, into.FieldByIndex(where))
	}
	d.within = d.within[:len(d.within)-1]
}

// whereElse says what the author of an unknown field may have meant: a similar
// name, or the same name further out.
func (d *decoder) whereElse(name string) string {
	last := len(d.within) - 1
	known := names(d.within[last].fields)
	if nearest(name, known) == "" {
		for _, outer := range slices.Backward(d.within[:last]) {
			if _, ok := outer.fields[name]; ok {
				return fmt.Sprintf("it belongs further out, to %s; check the indentation", orDocument(outer.path))
			}
		}
	}
	return suggestion(name, known)
}

func orDocument(path string) string {
	if path == "" {
		return "the document itself"
	}
	return path
}

func (d *decoder) mapping(n *yaml.Node, path string, into reflect.Value) {
	if !d.expect(n, yaml.MappingNode, path) {
		return
	}
	elem := into.Type().Elem()
	into.Set(reflect.MakeMap(into.Type()))
	for at, pair := range d.entries(n, path, entry) {
		key, value := pair.key, pair.value
		d.lines[at] = key.Line
		if isNull(value) && elem.Kind() == reflect.String {
			d.report(key.Line, at, `is null: write "" for an empty value`)
		}
		fresh := reflect.New(elem).Elem()
		d.value(value, at, fresh)
		into.SetMapIndex(reflect.ValueOf(key.Value), fresh)
	}
}

func (d *decoder) sequence(n *yaml.Node, path string, into reflect.Value) {
	if !d.expect(n, yaml.SequenceNode, path) {
		return
	}
	list := reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		at := index(path, i)
		d.lines[at] = item.Line
		if isNull(item) {
			d.report(item.Line, at, "is null: write the value, {} for an empty one, or remove the dash")
		}
		d.value(item, at, list.Index(i))
	}
	into.Set(list)
}

// keyed is an entry of a mapping.
type keyed struct{ key, value *yaml.Node }

// entries yields the entries of a mapping by their paths, which join makes of the
// mapping's own and the key. Those whose key cannot be used or came before are left
// out.
func (d *decoder) entries(n *yaml.Node, path string, join func(path, name string) string) iter.Seq2[string, keyed] {
	return func(yield func(string, keyed) bool) {
		seen := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			at := join(path, key.Value)
			if d.usable(key, path, at, seen) && !yield(at, keyed{key, n.Content[i+1]}) {
				return
			}
		}
	}
}

func (d *decoder) usable(key *yaml.Node, path, at string, seen map[string]int) bool {
	switch {
	case key.Kind != yaml.ScalarNode:
		d.report(key.Line, path, "a key must be a plain string, not %s", describe(key))
	case key.Tag == "!!merge":
		d.report(key.Line, path, "merge keys (<<) are not supported: write the fields out")
	case seen[key.Value] > 0:
		d.report(key.Line, at, "duplicate key %q: it stands on line %d already", key.Value, seen[key.Value])
	default:
		d.notBoolean(key, at)
		seen[key.Value] = key.Line
		return true
	}
	return false
}

// expect reports a node of the wrong kind.
func (d *decoder) expect(n *yaml.Node, kind yaml.Kind, path string) bool {
	if n.Kind == kind {
		return true
	}
	line := d.lines.line(path)
	if kind == yaml.SequenceNode {
		d.report(line, path, "must be a list, not %s: begin each item with a dash (- )", describe(n))
	} else {
		d.report(line, path, "must be a map, not %s", describe(n))
	}
	return false
}

// fields maps the json names of a struct to its fields; embedded structs without
// a name of their own count as part of it.
func (d *decoder) fields(t reflect.Type) map[string][]int {
	if known, ok := d.types[t]; ok {
		return known
	}
	found := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			found[name] = f.Index
		}
	}
	d.types[t] = found
	return found
}

func names[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
