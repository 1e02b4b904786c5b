// Command control reads the JSON report of a run on a cluster that enforces nothing,
// and checks that the suite said so: the preflight named it, and every scenario in
// which something has to be denied failed.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

type report struct {
	Preflight struct {
		Enforced bool   `json:"enforced"`
		Message  string `json:"message"`
	} `json:"preflight"`
	Scenarios []scenario `json:"scenarios"`
}

type scenario struct {
	Name   string `json:"name"`
	Level  string `json:"level"`
	Result string `json:"result"`
	Reason string `json:"reason"`
	Steps  []struct {
		Denied int `json:"denied"`
	} `json:"steps"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: control REPORT.json")
		os.Exit(3)
	}
	if err := run(os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "control:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the report: %w", err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("reading the report %s: %w", path, err)
	}
	red, lies := 0, 0
	for _, s := range r.Scenarios {
		switch {
		case !s.enforces() || s.Result == "skipped":
		case s.Result == "fail":
			red++
		default:
			lies++
			fmt.Fprintf(os.Stderr, "control: %s denies something, and its result is %s: %s\n", s.Name, s.Result, s.Reason)
		}
	}
	_, _ = fmt.Fprintf(w, "control: %d enforcing scenarios failed, %d did not; preflight: %s\n", red, lies, r.Preflight.Message)
	if lies > 0 || red == 0 || r.Preflight.Enforced {
		return errors.New("a cluster without enforcement was not seen as one")
	}
	return nil
}

// enforces reports whether the scenario is scored and denies something.
func (s scenario) enforces() bool {
	if s.Level != "must" && s.Level != "optional" {
		return false
	}
	for _, step := range s.Steps {
		if step.Denied > 0 {
			return true
		}
	}
	return false
}
