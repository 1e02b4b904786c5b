package benchreport

import (
	"bytes"
	"encoding/json"
	"flag"
	"reflect"
	"strings"
	"testing"
	"time"

	reflector "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/goldentest"
	"github.com/cniproof/cniproof/internal/latency"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/schematest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sample is a report in which everything happened.
func sample() *Report {
	const ms = time.Millisecond
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	series := latency.Series{}
	for n, kind := range latency.Kinds() {
		for _, way := range []latency.Way{latency.Enforced, latency.Revoked} {
			for i := range 20 {
				at := time.Duration(10*(n+1)+i) * ms
				series.Measurements = append(series.Measurements, latency.Measurement{
					Change: latency.Change{Kind: kind, Way: way}, Repeat: i + 1, At: start.Add(time.Duration(i) * time.Second),
					Result: latency.Measured, Flows: 4, First: at, Settled: 2 * at, LastWrong: at + ms, Resolution: 10 * ms, Lag: 2 * ms,
				})
			}
		}
	}
	more := latency.Series{Policies: 1000, Measurements: append([]latency.Measurement{}, series.Measurements[:60]...)}
	more.Measurements[3].Result, more.Measurements[3].Reason = latency.Untold, "the control flow a -> b:80/TCP was closed as well 12ms after the change"
	more.Measurements[45].Result, more.Measurements[45].Reason = latency.Never, "a -> b:80/TCP was not enforced within 15s"
	return &Report{
		Run: &latency.Run{
			Repeat: 20, Interval: 10 * ms, Begin: start, Took: 93 * time.Second,
			Series: []latency.Series{series, more, {Peers: 100, Trouble: "deploying the probes: there is no room"}},
		},
		Tool: "v1.2.3", Profile: "scale",
		Cluster: report.Cluster{
			Provider: "kind", Implementation: "example", Version: "v9", Kubernetes: "v1.36.0", Nodes: 2,
			Families: []flow.Family{flow.IPv4}, Protocols: []flow.Protocol{flow.TCP}, Faults: []string{"slow"},
		},
	}
}

func TestWrite(t *testing.T) {
	for format, file := range map[string]string{"text": "testdata/report.txt", "markdown": "testdata/report.md"} {
		var b bytes.Buffer
		if err := Write(&b, sample(), format); err != nil {
			t.Fatal(err)
		}
		goldentest.File(t, *update, file, b.String())
	}
	if Write(&bytes.Buffer{}, sample(), "html") == nil {
		t.Error("a format that there is not was written")
	}
}

func TestExitCodes(t *testing.T) {
	measured := latency.Measurement{Result: latency.Measured}
	never, untold := latency.Measurement{Result: latency.Never}, latency.Measurement{Result: latency.Untold}
	of := func(list ...latency.Measurement) []latency.Series { return []latency.Series{{Measurements: list}} }
	for name, c := range map[string]struct {
		run  latency.Run
		want int
	}{
		"all measured":            {latency.Run{Series: of(measured, measured)}, 0},
		"half could not be told":  {latency.Run{Series: of(measured, untold)}, 0},
		"most could not be told":  {latency.Run{Series: of(measured, untold, untold)}, 2},
		"one was never followed":  {latency.Run{Series: of(measured, never)}, 1},
		"never outranks trouble":  {latency.Run{Series: []latency.Series{{Measurements: []latency.Measurement{never}, Trouble: "x"}}}, 1},
		"a series ended early":    {latency.Run{Series: append(of(measured), latency.Series{Trouble: "x"})}, 2},
		"there was no cluster":    {latency.Run{Trouble: "x"}, 2},
		"nothing at all":          {latency.Run{}, 2},
		"interrupted":             {latency.Run{Series: of(measured), Interrupted: true}, 130},
		"interrupted after never": {latency.Run{Series: of(never), Interrupted: true}, 130},
	} {
		r := &Report{Run: &c.run}
		if got := r.ExitCode(); got != c.want {
			t.Errorf("%s: %d, want %d: %s", name, got, c.want, r.Conclusion())
		}
	}
}

func generated(t *testing.T) []byte {
	t.Helper()
	return schematest.Generated(t, schematest.Source{
		Document: &Document{}, ID: "https://cniproof.dev/schemas/latency/v1alpha1.json", Title: "cniproof latency report",
		Folders: map[string]string{
			"github.com/cniproof/cniproof/internal/benchreport": ".",
			"github.com/cniproof/cniproof/internal/report":      "../report",
		},
		Words: wordsOf,
	})
}

// wordsOf is the schema of the types that are words on the wire.
func wordsOf(t reflect.Type) *reflector.Schema {
	enum := func(words ...string) *reflector.Schema {
		s := &reflector.Schema{Type: "string"}
		for _, w := range words {
			s.Enum = append(s.Enum, w)
		}
		return s
	}
	switch t {
	case reflect.TypeFor[latency.Kind]():
		var words []string
		for _, k := range latency.Kinds() {
			words = append(words, string(k))
		}
		return enum(words...)
	case reflect.TypeFor[latency.Way]():
		return enum(string(latency.Enforced), string(latency.Revoked))
	case reflect.TypeFor[latency.Result]():
		return enum(string(latency.Measured), string(latency.Never), string(latency.Untold))
	case reflect.TypeFor[flow.Family](), reflect.TypeFor[flow.Protocol]():
		return &reflector.Schema{Type: "string"}
	}
	return nil
}

func TestSchemaIsCurrent(t *testing.T) {
	goldentest.File(t, *update, "../../docs/latency-schema.json", string(generated(t)))
}

func valid(t *testing.T, d map[string]any) error {
	t.Helper()
	return schematest.Compiled(t, generated(t)).Validate(d)
}

func written(t *testing.T, r *Report) map[string]any {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r, "json"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "null") {
		t.Error("something is null")
	}
	doc, err := jsonschema.UnmarshalJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any)
}

func TestSchemaHolds(t *testing.T) {
	for name, r := range map[string]*Report{"sample": sample(), "empty": {Run: &latency.Run{}}} {
		if err := valid(t, written(t, r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemaRejects shows that the schema can fail.
func TestSchemaRejects(t *testing.T) {
	for name, spoil := range map[string]func(map[string]any){
		"a missing list":     func(d map[string]any) { delete(d, "series") },
		"an unknown field":   func(d map[string]any) { d["mood"] = "fine" },
		"an unknown version": func(d map[string]any) { d["apiVersion"] = "cniproof.dev/latency/v9" },
		"an unknown change": func(d map[string]any) {
			d["series"].([]any)[0].(map[string]any)["changes"].([]any)[0].(map[string]any)["change"] = "moon phase"
		},
	} {
		d := written(t, sample())
		spoil(d)
		if valid(t, d) == nil {
			t.Errorf("%s is valid", name)
		}
	}
}

// TestSchemaDescribes wants a description of every field.
func TestSchemaDescribes(t *testing.T) {
	var schema struct {
		Properties map[string]struct{ Description string }
		Defs       map[string]struct {
			Properties map[string]struct{ Description string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(generated(t), &schema); err != nil {
		t.Fatal(err)
	}
	schema.Defs[""] = struct {
		Properties map[string]struct{ Description string }
	}{schema.Properties}
	for def, d := range schema.Defs {
		for name, p := range d.Properties {
			if p.Description == "" {
				t.Errorf("%s.%s has no description", def, name)
			}
		}
	}
}
