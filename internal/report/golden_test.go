package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/goldentest"
)

var update = flag.Bool("update", false, "rewrite testdata and docs/report-schema.json")

// endings are the names of the golden files, by format.
var endings = map[string]string{
	"text": ".txt", "json": ".json", "junit": ".xml", "html": ".html", "markdown": ".md", "github": ".github",
}

func TestGolden(t *testing.T) {
	for _, s := range samples() {
		for _, f := range Formats() {
			if s.big && (f.Name == "json" || f.Name == "html") {
				continue
			}
			t.Run(s.name+"/"+f.Name, func(t *testing.T) {
				var b bytes.Buffer
				if err := Write(&b, f.Name, s.in, Options{}); err != nil {
					t.Fatal(err)
				}
				goldentest.File(t, *update, filepath.Join("testdata", s.name+endings[f.Name]), string(withoutAssets(b.Bytes())))
			})
		}
	}
}

// withoutAssets is an HTML page without its style and script, and what names them: the
// page's own goldens need not change with its looks.
func withoutAssets(text []byte) []byte {
	assets := regexp.MustCompile(`(?s)(<style>).*?(</style>)|(<script>).*?(</script>)|(content=")default-src [^"]*(")`)
	return assets.ReplaceAll(text, []byte("$1$3$5$2$4$6"))
}

// TestFormats holds the registry and the golden files together.
func TestFormats(t *testing.T) {
	for _, f := range Formats() {
		if endings[f.Name] == "" {
			t.Errorf("format %q has no golden files", f.Name)
		}
	}
	err := Write(io.Discard, "morse", passed(), Options{})
	if err == nil || !strings.Contains(err.Error(), `"morse"`) || !strings.Contains(err.Error(), "junit") {
		t.Errorf("an unknown format gave %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteError(t *testing.T) {
	for _, f := range Formats() {
		if err := Write(full{}, f.Name, passed(), Options{}); err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("%s: got %v", f.Name, err)
		}
	}
}

// TestTextFits holds every line of every sample to the width, at several widths,
// and to text that a terminal does not obey.
func TestTextFits(t *testing.T) {
	for _, s := range samples() {
		for _, width := range []int{0, 60, 72, 80, 100} {
			for _, verbose := range []bool{false, true} {
				var b bytes.Buffer
				if err := writeText(&b, s.in, Options{Width: width, Verbose: verbose}); err != nil {
					t.Fatal(err)
				}
				checkLines(t, s.name, b.String(), Options{Width: width}.style().width)
			}
		}
	}
}

func checkLines(t *testing.T, name, text string, width int) {
	t.Helper()
	if strings.Contains(text, "\x1b") {
		t.Errorf("%s: an escape without colour", name)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if n := utf8.RuneCountInString(line); n > width && len(strings.Fields(line)) > 1 && !strings.Contains(line, " --run ") {
			t.Errorf("%s: %d columns of %d: %s", name, n, width, line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("%s: blanks at the end of %q", name, line)
		}
	}
}

// TestColour finds nothing but colour in what colour adds.
func TestColour(t *testing.T) {
	for _, s := range samples() {
		var with, without bytes.Buffer
		if err := writeText(&with, s.in, Options{Color: true}); err != nil {
			t.Fatal(err)
		}
		if err := writeText(&without, s.in, Options{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(with.String(), "\x1b[") {
			t.Errorf("%s: no colour", s.name)
		}
		if diff := cmp.Diff(without.String(), uncoloured(with.String())); diff != "" {
			t.Errorf("%s (-without +with):\n%s", s.name, diff)
		}
	}
}

func uncoloured(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, text, _ = strings.Cut(rest, "m")
	}
}

// TestJUnitParses reads the file back as XML and counts.
func TestJUnitParses(t *testing.T) {
	for _, s := range samples() {
		var b bytes.Buffer
		if err := writeJUnit(&b, s.in, Options{}); err != nil {
			t.Fatal(err)
		}
		var got junitSuites
		if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		cases := 0
		for _, suite := range got.Suites {
			cases += len(suite.Cases)
		}
		if got.Tests != cases || cases < len(s.in.Run.Scenarios) {
			t.Errorf("%s: %d cases, tests=%d, %d scenarios", s.name, cases, got.Tests, len(s.in.Run.Scenarios))
		}
		if red := got.Failures+got.Errors > 0; red != (s.in.ExitCode() != ExitPass) {
			t.Errorf("%s: exit code %d with %d failures and %d errors", s.name, s.in.ExitCode(), got.Failures, got.Errors)
		}
	}
}
