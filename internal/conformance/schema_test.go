package conformance

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"github.com/cniproof/cniproof/internal/goldentest"
	"github.com/cniproof/cniproof/internal/schematest"
)

// TestSchemaIsCurrent holds docs/conformance-schema.json and the Go types together.
func TestSchemaIsCurrent(t *testing.T) {
	goldentest.File(t, *update, filepath.FromSlash("../../docs/conformance-schema.json"), string(generated(t)))
}

func generated(t *testing.T) []byte {
	t.Helper()
	return schematest.Generated(t, schematest.Source{
		Document: &Report{}, ID: "https://cniproof.dev/schemas/conformance/v1alpha1.json", Title: "cniproof conformance report",
		Folders: map[string]string{"github.com/cniproof/cniproof/internal/conformance": "."},
	})
}

func validate(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

// TestSchemaHolds validates what is really written, and shows that it can fail.
func TestSchemaHolds(t *testing.T) {
	schema := schematest.Compiled(t, generated(t))
	for name, sources := range samples(t) {
		r, _ := made(t, sources...)
		text, err := r.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, string(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, honest := liar(t)
	for name, edit := range map[string][2]string{
		"an unknown result":  {"result: failure", "result: fine"},
		"an unknown field":   {"kind: ", "mood: good\nkind: "},
		"no digest":          {libraryDigest, "sha256:0"},
		"no date":            {`"2026-02-03"`, "yesterday"},
		"a missing list":     {"disqualified: []\n", ""},
		"an unknown profile": {"name: core", "name: corn"},
	} {
		text := strings.Replace(honest, edit[0], edit[1], 1)
		if text == honest || validate(t, schema, text) == nil {
			t.Errorf("%s is valid", name)
		}
	}
}

// TestBadgeIsXML with hostile words, and every text has room.
func TestBadgeIsXML(t *testing.T) {
	r, _ := made(t, source(t, "run.json", input()))
	r.Implementation.Project, r.Implementation.Version = `<b>"x"&`, "v1]]>é"
	badge := r.Badge()
	d := xml.NewDecoder(strings.NewReader(badge))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, badge)
		}
	}
	if !strings.Contains(badge, "v1]]&gt;é: core success, extended success</text>") {
		t.Error(badge)
	}
	if narrow, wide := textWidth("iiii"), textWidth("mmmm"); narrow >= wide || textWidth("é") == 0 {
		t.Errorf("iiii is %.1f wide, mmmm %.1f", narrow, wide)
	}
}
