// Package schematest makes JSON Schemas of Go types and compiles them, for tests. It is
// told nothing of what the documents are about.
package schematest

import (
	"bytes"
	"encoding/json"
	"path"
	"reflect"
	"strings"
	"testing"

	reflector "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Source is what a schema is made of.
type Source struct {
	// Document is a pointer to the zero value of what the schema describes.
	Document  any
	ID, Title string
	// Folders are those with the sources of the types, by the path of their packages: the
	// comments there are the descriptions.
	Folders map[string]string
	// Words is the schema of types that are words on the wire, nil of all others. It may be nil.
	Words func(reflect.Type) *reflector.Schema
	// Tighten says what Go types cannot. It may be nil.
	Tighten func(*reflector.Schema)
}

// Generated is the schema as text.
func Generated(t testing.TB, s Source) []byte {
	t.Helper()
	r := &reflector.Reflector{Anonymous: true, ExpandedStruct: true, Mapper: s.Words}
	for pkg, folder := range s.Folders {
		if err := r.AddGoComments(pkg, folder, reflector.WithFullComment()); err != nil {
			t.Fatal(err)
		}
	}
	comments := map[string]string{}
	for name, comment := range r.CommentMap { // names of folders beside this one lead out of it first
		comments[path.Clean(name)] = strings.Join(strings.Fields(comment), " ")
	}
	r.CommentMap = comments
	schema := r.Reflect(s.Document)
	if s.Tighten != nil {
		s.Tighten(schema)
	}
	schema.ID, schema.Title = reflector.ID(s.ID), s.Title
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// Compiled is a schema that can validate.
func Compiled(t testing.TB, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
