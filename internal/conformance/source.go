package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/strict"
)

// Source is the JSON report of one run, as it was read.
type Source struct {
	File     string
	Document *report.Document
	text     []byte
	problems strict.Problems
}

// ReadRuns reads JSON reports. Its error names every file that is none.
func ReadRuns(files ...string) ([]*Source, error) {
	var errs []error
	list := make([]*Source, 0, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading the run: %w", err))
			continue
		}
		s, err := NewSource(file, text)
		errs = append(errs, err)
		list = append(list, s)
	}
	return list, errors.Join(errs...)
}

// NewSource reads the JSON report that a file holds.
func NewSource(file string, text []byte) (*Source, error) {
	d, err := report.Read(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &Source{File: file, Document: d, text: text}, nil
}

// wrong takes down what does not add up.
func (s *Source) wrong(field, format string, args ...any) {
	s.problems = append(s.problems, strict.Problem{File: s.File, Field: field, Message: fmt.Sprintf(format, args...)})
}

// placed are the problems, with their lines.
func (s *Source) placed() strict.Problems {
	if len(s.problems) == 0 {
		return nil
	}
	lines := positions(s.text)
	for i := range s.problems {
		s.problems[i].Line = lines.Line(s.problems[i].Field)
	}
	return s.problems
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// positions are the lines of all fields of a JSON text.
func positions(text []byte) strict.Positions {
	w := walker{decoder: json.NewDecoder(bytes.NewReader(text)), text: text, line: 1, lines: strict.Positions{"": 1}}
	w.value("")
	return w.lines
}

// walker goes through a JSON text token by token. The text has been parsed before.
type walker struct {
	decoder *json.Decoder
	text    []byte
	line    int
	offset  int64
	lines   strict.Positions
}

// here is the line on which the last token ended.
func (w *walker) here() int {
	now := w.decoder.InputOffset()
	w.line += bytes.Count(w.text[w.offset:now], []byte("\n"))
	w.offset = now
	return w.line
}

func (w *walker) value(path string) {
	token, err := w.decoder.Token()
	if err != nil {
		return
	}
	if !w.lines.Has(path) {
		w.lines[path] = w.here()
	}
	switch token {
	case json.Delim('{'):
		for w.decoder.More() {
			name, err := w.decoder.Token()
			if err != nil {
				return
			}
			at := strict.Child(path, fmt.Sprint(name))
			w.lines[at] = w.here()
			w.value(at)
		}
	case json.Delim('['):
		for i := 0; w.decoder.More(); i++ {
			w.value(strict.Index(path, i))
		}
	default:
		return
	}
	_, _ = w.decoder.Token() // the end, which the parser has seen
}
