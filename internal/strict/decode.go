package strict

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/spelling"
)

// maxNodes bounds what one document may expand to, aliases included.
const maxNodes = 200_000

// SelfDecoder is a value with more than one shape in YAML.
type SelfDecoder interface {
	DecodeYAML(d *Decoder, n *yaml.Node, path string)
}

// value decodes one node. A null leaves the zero value, as JSON does.
func (d *Decoder) value(n *yaml.Node, path string, into reflect.Value) {
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.Report(n.Line, path, "the document expands to more than %d values", maxNodes)
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
	case SelfDecoder:
		target.DecodeYAML(d, n, path)
	case *intstr.IntOrString:
		d.intOrString(n, path, target)
	case json.Unmarshaler:
		d.unmarshal(n, path, target)
	default:
		d.plain(n, path, into)
	}
}

func (d *Decoder) plain(n *yaml.Node, path string, into reflect.Value) {
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

func (d *Decoder) structure(n *yaml.Node, path string, into reflect.Value) {
	if !d.expect(n, yaml.MappingNode, path) {
		return
	}
	fields := d.fields(into.Type())
	d.within = append(d.within, enclosing{path, fields})
	for at, pair := range d.entries(n, path, Child) {
		key, value := pair.key, pair.value
		where, known := fields[key.Value]
		if !known {
			d.Report(key.Line, at, "unknown field %q: %s", key.Value, d.whereElse(key.Value))
			continue
		}
		d.Lines[at] = key.Line
		d.value(value, at, into.FieldByIndex(where))
	}
	d.within = d.within[:len(d.within)-1]
}

// whereElse says what the author of an unknown field may have meant: a similar
// name, or the same name further out.
func (d *Decoder) whereElse(name string) string {
	last := len(d.within) - 1
	known := slices.Sorted(maps.Keys(d.within[last].fields))
	if len(spelling.Near(name, known)) == 0 {
		for _, outer := range slices.Backward(d.within[:last]) {
			if _, ok := outer.fields[name]; ok {
				return fmt.Sprintf("it belongs further out, to %s; check the indentation", orDocument(outer.path))
			}
		}
	}
	return spelling.Suggest(name, known)
}

func orDocument(path string) string {
	if path == "" {
		return "the document itself"
	}
	return path
}

func (d *Decoder) mapping(n *yaml.Node, path string, into reflect.Value) {
	if !d.expect(n, yaml.MappingNode, path) {
		return
	}
	elem := into.Type().Elem()
	into.Set(reflect.MakeMap(into.Type()))
	for at, pair := range d.entries(n, path, Entry) {
		key, value := pair.key, pair.value
		d.Lines[at] = key.Line
		if isNull(value) && elem.Kind() == reflect.String {
			d.Report(key.Line, at, `is null: write "" for an empty value`)
		}
		fresh := reflect.New(elem).Elem()
		d.value(value, at, fresh)
		into.SetMapIndex(reflect.ValueOf(key.Value), fresh)
	}
}

func (d *Decoder) sequence(n *yaml.Node, path string, into reflect.Value) {
	if !d.expect(n, yaml.SequenceNode, path) {
		return
	}
	list := reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		at := Index(path, i)
		d.Lines[at] = item.Line
		if isNull(item) {
			d.Report(item.Line, at, "is null: write the value, {} for an empty one, or remove the dash")
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
func (d *Decoder) entries(n *yaml.Node, path string, join func(path, name string) string) iter.Seq2[string, keyed] {
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

func (d *Decoder) usable(key *yaml.Node, path, at string, seen map[string]int) bool {
	switch {
	case key.Kind != yaml.ScalarNode:
		d.Report(key.Line, path, "a key must be a plain string, not %s", Describe(key))
	case key.Tag == "!!merge":
		d.Report(key.Line, path, "merge keys (<<) are not supported: write the fields out")
	case seen[key.Value] > 0:
		d.Report(key.Line, at, "duplicate key %q: it stands on line %d already", key.Value, seen[key.Value])
	default:
		d.notBoolean(key, at)
		seen[key.Value] = key.Line
		return true
	}
	return false
}

// expect reports a node of the wrong kind.
func (d *Decoder) expect(n *yaml.Node, kind yaml.Kind, path string) bool {
	if n.Kind == kind {
		return true
	}
	line := d.Lines.Line(path)
	if kind == yaml.SequenceNode {
		d.Report(line, path, "must be a list, not %s: begin each item with a dash (- )", Describe(n))
	} else {
		d.Report(line, path, "must be a map, not %s", Describe(n))
	}
	return false
}

// fields maps the json names of a struct to its fields; embedded structs without
// a name of their own count as part of it.
func (d *Decoder) fields(t reflect.Type) map[string][]int {
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
