package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
)

// What a plugin of Sonobuoy and its worker agree on: results are in one folder, and
// the file "done", which comes last, says which of them to take.
const (
	sonobuoyFolder   = "/tmp/sonobuoy/results"
	sonobuoyVariable = "SONOBUOY_RESULTS_DIR"
)

func (a *app) sonobuoyCommand() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "sonobuoy [-- FLAG OF run...]",
		Short: "Run as a plugin of Sonobuoy, which reads the JUnit report",
		Long: `sonobuoy judges the cluster that the pod is in, and hands the reports over as Sonobuoy's plugins do. Whatever becomes of
the run, also when it is interrupted or cannot begin, there are results, and the file "done" comes last. What the run came to is in
the results; the exit code is 0 once they are handed over.`,
		Example: `  cniproof sonobuoy
  cniproof sonobuoy -- --level must --nodes 4`,
		RunE: func(cmd *cobra.Command, flags []string) error { return a.sonobuoy(cmd.Context(), folder, flags) },
	}
	cmd.Flags().StringVar(&folder, "results", "", "folder for the results (default: $"+sonobuoyVariable+", else "+sonobuoyFolder+")")
	return cmd
}

func (a *app) sonobuoy(ctx context.Context, folder string, flags []string) error {
	if folder == "" {
		folder = os.Getenv(sonobuoyVariable)
	}
	if folder == "" {
		folder = sonobuoyFolder
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return infrastructure(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // Sonobuoy's worker is another user
		return infrastructure(err)
	}
	files := map[string]string{"junit": "cniproof.xml", "json": "cniproof.json", "markdown": "cniproof.md", "text": "cniproof.txt"}
	args := []string{"run", "--cluster", "existing"}
	for _, format := range []string{"junit", "json", "markdown", "text"} {
		args = append(args, "--report", format+"="+filepath.Join(folder, files[format]))
	}
	inner := &app{version: a.version, args: append(args, flags...), stdout: a.stdout, stderr: a.stderr}
	root := inner.root()
	root.SetArgs(inner.args)
	if err := root.ExecuteContext(ctx); err != nil {
		a.notef("cniproof: %v\n", err)
		if err := inner.excuse(filepath.Join(folder, files["junit"]), err); err != nil {
			return infrastructure(err)
		}
	}
	return infrastructure(handOver(folder, files))
}

// excuse is the JUnit report of a run that could not begin.
func (a *app) excuse(path string, why error) error {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return nil // the run's own
	}
	var b bytes.Buffer
	in := report.Input{Tool: a.version, Command: append([]string{"cniproof"}, a.args...), Run: &judge.Run{Begin: time.Now(), Err: why.Error()}}
	if err := report.Write(&b, "junit", in, report.Options{}); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644) //nolint:gosec // Sonobuoy's worker is another user
}

// handOver packs the results, and then says so. Both appear at once, or not at all.
func handOver(folder string, files map[string]string) error {
	var b bytes.Buffer
	if err := pack(&b, folder, files); err != nil {
		return fmt.Errorf("packing the results for Sonobuoy: %w", err)
	}
	archive := filepath.Join(folder, "cniproof.tar.gz")
	if err := appear(archive, b.Bytes()); err != nil {
		return err
	}
	return appear(filepath.Join(folder, "done"), []byte(archive))
}

func appear(path string, content []byte) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, content, 0o644); err != nil { //nolint:gosec // Sonobuoy's worker is another user
		return err
	}
	return os.Rename(temp, path)
}

func pack(w io.Writer, folder string, files map[string]string) error {
	zipped := gzip.NewWriter(w)
	archive := tar.NewWriter(zipped)
	for _, format := range []string{"junit", "json", "markdown", "text"} {
		text, err := os.ReadFile(filepath.Join(folder, files[format]))
		if errors.Is(err, os.ErrNotExist) || err == nil && len(text) == 0 {
			continue
		}
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{Name: files[format], Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		if _, err := archive.Write(text); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), zipped.Close())
}
