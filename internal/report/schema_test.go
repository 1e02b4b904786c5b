package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	reflector "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/goldentest"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/internal/schematest"
	"github.com/cniproof/cniproof/internal/vigil"
)

const schemaFile = "../../docs/report-schema.json"

// TestSchemaIsCurrent holds docs/report-schema.json and the Go types together.
func TestSchemaIsCurrent(t *testing.T) {
	goldentest.File(t, *update, filepath.FromSlash(schemaFile), string(generated(t)))
}

func generated(t *testing.T) []byte {
	t.Helper()
	return schematest.Generated(t, schematest.Source{
		Document: &Document{}, ID: "https://cniproof.dev/schemas/report/v1alpha1.json", Title: "cniproof report",
		Folders: map[string]string{"github.com/cniproof/cniproof/internal/report": "."},
		Words:   wordsOf, Tighten: func(s *reflector.Schema) { tighten(t, s) },
	})
}

// tighten says what Go types cannot: which keys a map has, and that a preflight may not have ended.
func tighten(t *testing.T, s *reflector.Schema) {
	t.Helper()
	byLevel, ok := s.Definitions["Totals"].Properties.Get("levels")
	if !ok {
		t.Fatal("no levels")
	}
	byLevel.PropertyNames = enum(levels()...)
	for _, l := range levels() {
		byLevel.Required = append(byLevel.Required, string(l))
	}
	preflight, ok := s.Definitions["PreflightInfo"].Properties.Get("result")
	if !ok {
		t.Fatal("no preflight")
	}
	preflight.Enum = append(preflight.Enum, "")
}

// wordsOf is the schema of the types that are words on the wire.
func wordsOf(t reflect.Type) *reflector.Schema {
	switch t {
	case reflect.TypeFor[flow.Protocol]():
		return wireWords[flow.Protocol]()
	case reflect.TypeFor[flow.Family]():
		return wireWords[flow.Family]()
	case reflect.TypeFor[flow.Via]():
		return wireWords[flow.Via]()
	case reflect.TypeFor[flow.Verdict]():
		return wireWords[flow.Verdict]()
	case reflect.TypeFor[flow.Outcome]():
		return wireWords[flow.Outcome]()
	case reflect.TypeFor[judge.Result]():
		return enum("", judge.Pass, judge.Fail, judge.Inconclusive, judge.Skipped, judge.Recorded)
	case reflect.TypeFor[scenario.Deed]():
		return enum(scenario.Deeds()...)
	case reflect.TypeFor[vigil.Kind]():
		return enum(vigil.Leak, vigil.Disruption, vigil.Unclear)
	case reflect.TypeFor[scenario.Level]():
		return enum(levels()...)
	case reflect.TypeFor[map[flow.Outcome]int]():
		return &reflector.Schema{Type: "object", PropertyNames: wireWords[flow.Outcome](), AdditionalProperties: &reflector.Schema{Type: "integer", Minimum: "1"}}
	}
	return nil
}

// wireWords are all words of an enum of package flow, "unknown" first.
func wireWords[T interface {
	~uint8
	fmt.Stringer
}]() *reflector.Schema {
	all := []string{T(0).String()}
	for v := T(1); v.String() != all[0]; v++ {
		all = append(all, v.String())
	}
	return enum(all...)
}

func enum[T ~string](all ...T) *reflector.Schema {
	s := &reflector.Schema{Type: "string"}
	for _, w := range all {
		s.Enum = append(s.Enum, string(w))
	}
	return s
}

// TestSchemaHolds validates what is really written, of every sample.
func TestSchemaHolds(t *testing.T) {
	schema := schematest.Compiled(t, generated(t))
	all := append(samples(), sample{name: "empty", in: Input{}})
	for _, s := range all {
		var b bytes.Buffer
		if err := writeJSON(&b, s.in, Options{}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "null") {
			t.Errorf("%s: something is null", s.name)
		}
		doc, err := jsonschema.UnmarshalJSON(&b)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

// TestSchemaRejects shows that the schema can fail.
func TestSchemaRejects(t *testing.T) {
	schema := schematest.Compiled(t, generated(t))
	for name, spoil := range map[string]func(map[string]any){
		"a missing list":     func(d map[string]any) { delete(d, "scenarios") },
		"null for a list":    func(d map[string]any) { d["command"] = nil },
		"an unknown field":   func(d map[string]any) { d["mood"] = "fine" },
		"an unknown version": func(d map[string]any) { d["apiVersion"] = "cniproof.dev/report/v9" },
		"an unknown level":   func(d map[string]any) { d["scenarios"].([]any)[0].(map[string]any)["level"] = "should" },
		"an unknown result":  func(d map[string]any) { d["scenarios"].([]any)[0].(map[string]any)["result"] = "ok" },
		"a lost level":       func(d map[string]any) { delete(d["summary"].(map[string]any)["levels"].(map[string]any), "must") },
	} {
		var b bytes.Buffer
		if err := writeJSON(&b, faulty(), Options{}); err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(&b)
		if err != nil {
			t.Fatal(err)
		}
		spoil(doc.(map[string]any))
		if schema.Validate(doc) == nil {
			t.Errorf("%s is valid", name)
		}
	}
}

// TestSchemaDescribes wants a description of every field.
func TestSchemaDescribes(t *testing.T) {
	var schema struct {
		Properties map[string]struct{ Description string }
		Defs       map[string]struct {
			Description string
			Properties  map[string]struct {
				Description string
				Ref         string `json:"$ref"`
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(generated(t), &schema); err != nil {
		t.Fatal(err)
	}
	for name, p := range schema.Properties {
		if p.Description == "" {
			t.Errorf("%s has no description", name)
		}
	}
	for def, d := range schema.Defs {
		if d.Description == "" {
			t.Errorf("%s has no description", def)
		}
		for name, p := range d.Properties {
			if p.Description == "" {
				t.Errorf("%s.%s has no description", def, name)
			}
		}
	}
}

func TestReadBack(t *testing.T) {
	for _, s := range samples() {
		var b bytes.Buffer
		if err := writeJSON(&b, s.in, Options{}); err != nil {
			t.Fatal(err)
		}
		got, err := Read(&b)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if diff := cmp.Diff(NewDocument(s.in), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
}

// TestWrittenAtOnce holds what is written scenario by scenario to what the whole is.
func TestWrittenAtOnce(t *testing.T) {
	for _, s := range append(samples(), sample{name: "empty"}) {
		var b bytes.Buffer
		if err := writeJSON(&b, s.in, Options{}); err != nil {
			t.Fatal(err)
		}
		want, err := indented(NewDocument(s.in), "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want+"\n", b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":         "RESULT PASS",
		"another kind":    `{"apiVersion": "cniproof.dev/report/v1alpha1", "kind": "Scenario"}`,
		"another version": `{"apiVersion": "cniproof.dev/report/v2", "kind": "Report"}`,
		"no word":         `{"apiVersion": "cniproof.dev/report/v1alpha1", "kind": "Report", "cluster": {"families": ["ipv5"]}}`,
		"nothing":         "",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), "reading a report: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
