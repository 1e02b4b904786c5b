package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cniproof/cniproof/internal/report"
)

// output is one report to write.
type output struct {
	format string
	path   string // "" for standard output
}

// parseReports reads -o and every --report of a run.
func parseReports(stdout string, flags []string) ([]output, error) {
	var formats []string
	for _, f := range report.Formats() {
		formats = append(formats, f.Name)
	}
	return parseOutputs(formats, stdout, flags)
}

// parseOutputs reads -o and every --report, and finds out now whether the files can be
// written: not after an hour's run.
func parseOutputs(formats []string, stdout string, flags []string) ([]output, error) {
	outputs := []output{{format: stdout}}
	var errs []error
	known := func(flag, format string) bool {
		if slices.Contains(formats, format) {
			return true
		}
		errs = append(errs, fmt.Errorf("--%s: there is no format %q, only %s", flag, format, strings.Join(formats, ", ")))
		return false
	}
	known("output", stdout)
	for _, flag := range flags {
		format, path, ok := strings.Cut(flag, "=")
		switch {
		case !ok || path == "":
			errs = append(errs, fmt.Errorf("--report: %q is not FORMAT=PATH", flag))
		case known("report", format):
			errs = append(errs, writable(path))
			outputs = append(outputs, output{format, path})
		}
	}
	return outputs, errors.Join(errs...)
}

// writeTo writes a report to the output's file, or to w where it has none.
func (o output) writeTo(w io.Writer, write func(w io.Writer, format string) error) error {
	if o.path == "" {
		return write(w, o.format)
	}
	f, err := os.Create(o.path)
	if err != nil {
		return fmt.Errorf("writing the %s report: %w", o.format, err)
	}
	return errors.Join(write(f, o.format), f.Close())
}

// writable makes sure that the folder is there and the file can be opened, without
// touching what it holds.
func writable(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a report is for everybody to read
		return fmt.Errorf("--report: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644) //nolint:gosec // the user's own path; for everybody to read
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return f.Close()
}

// write writes the report. Text on standard output was streamed already, all but
// its end.
func (o output) write(in report.Input, s *screen) error {
	if o.path == "" {
		return s.conclude(o.format, in)
	}
	in.Bundles.Folders = relative(in.Bundles.Folders, o.path)
	return o.writeTo(nil, func(w io.Writer, format string) error { return report.Write(w, format, in, report.Options{}) })
}

// relative leads from the folder of a file to folders, as links do; without those that
// it cannot lead to.
func relative(folders map[string]string, file string) map[string]string {
	from, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil
	}
	links := map[string]string{}
	for name, folder := range folders {
		to, errTo := filepath.Abs(folder)
		path, errPath := filepath.Rel(from, to)
		if errTo == nil && errPath == nil {
			links[name] = filepath.ToSlash(path)
		}
	}
	return links
}

// creatable makes sure that a folder can be made, without making it: the nearest one
// above it that is there has to be a folder.
func creatable(path string) error {
	for at := filepath.Clean(path); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case err == nil && !info.IsDir():
			return fmt.Errorf("%q is a file, not a folder", at)
		case err == nil:
			return nil
		case !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) || at == filepath.Dir(at):
			return err
		}
	}
}
