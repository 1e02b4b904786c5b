package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// How a mutant can end.
const (
	caught   = "caught"
	untold   = "untold" // it crashed or hung, or no run could tell
	unbuilt  = "unbuilt"
	survived = "SURVIVED"
)

// patience is how long a run may take.
const patience = 10 * time.Minute

// lab builds mutants and runs the library on them.
type lab struct{ overlay, source, program string } // source is no .go file, or it would be a package of ours

func newLab() (*lab, error) {
	dir, err := filepath.Abs("bin/mutants")
	if err != nil {
		return nil, err
	}
	l := &lab{filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant.txt"), filepath.Join(dir, "cniproof")}
	return l, os.MkdirAll(dir, 0o755)
}

// try says how a mutant ends, and what caught it.
func (l *lab) try(m mutant) (end, detail string, err error) {
	if ok, err := l.build(m); err != nil || !ok {
		return unbuilt, "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	run := exec.CommandContext(ctx, l.program, "run", "--quiet", "--fail-fast", "--within", "2s", "--bundles", "none", "-o", "json")
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	run.WaitDelay = time.Minute
	out, err := run.Output()
	switch {
	case err == nil:
		return survived, "", nil
	case run.ProcessState == nil:
		return "", "", err
	}
	names := failed(out)
	if len(names) == 0 {
		return untold, "", nil
	}
	return caught, "by " + strings.Join(names[:min(2, len(names))], ", "), nil
}

// build reports whether the mutant can be built. The tree is left as it is.
func (l *lab) build(m mutant) (bool, error) {
	path, err := filepath.Abs(m.file)
	if err != nil {
		return false, err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: l.source}})
	if err != nil {
		return false, err
	}
	for name, text := range map[string][]byte{l.source: m.source, l.overlay: overlay} {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return false, fmt.Errorf("writing a mutant: %w", err)
		}
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-tags", "embedagent", "-overlay", l.overlay, "-o", l.program, "./cmd/cniproof")
	return build.Run() == nil, nil
}

// failed are the scenarios of a report that failed; none where there is no report.
func failed(text []byte) []string {
	var doc struct {
		Scenarios []struct{ Name, Result string }
	}
	if json.Unmarshal(text, &doc) != nil {
		return nil
	}
	var names []string
	for _, s := range doc.Scenarios {
		if s.Result == "fail" {
			names = append(names, s.Name)
		}
	}
	return names
}
