package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const sample = `package sample

func f(list []int, faults Faults) (bool, error) {
	for _, n := range list {
		if n < 1 {
			continue
		}
		if faults.Has(Odd) && n > 2 {
			return true, nil
		}
		list = append(list, n+1)
		g(n)
	}
	if err := h(); err != nil {
		return false, err
	}
	return even(list), nil
}

func even(list []int) bool {
	switch {
	case faults.Has(Odd):
		return true
	}
	return false
}

// The rest of this file does nothing in an engine
// without faults.

func odd() bool { return true }
`

// TestMutants names every mutant of a sample: none of faults, or of errors.
func TestMutants(t *testing.T) {
	list, err := mutants("sample.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range list {
		got = append(got, fmt.Sprintf("%d %s", m.line, m.what))
		if string(m.source) == sample {
			t.Errorf("%s changes nothing", got[len(got)-1])
		}
	}
	want := []string{
		"5 if not n < 1", "5 < is <= in n < 1", "6 continue is break",
		"11 without list = append(list, n+1)", "11 + is - in n+1", "12 without g(n)", "25 returns true",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestEngineHasMutants: files that only planted faults reach have none, and others have.
func TestEngineHasMutants(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	if _, err := os.Stat(engine); err != nil {
		t.Fatal(err)
	}
	for files, want := range map[string]bool{"^(amnesia|haste|lasting|leaving|tuples|cut|subtle|newpod|reuse|ordered).go$": false, "^rule.go$": true, "^isolation.go$": true} {
		list, err := allMutants(regexp.MustCompile(files))
		if err != nil {
			t.Fatal(err)
		}
		if (len(list) > 0) != want {
			t.Errorf("%s: %d mutants, such as %+v", files, len(list), list[:min(1, len(list))])
		}
	}
}
