package mirror

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"sigs.k8s.io/yaml"
)

// write replaces the index of a mirror; whoever reads it sees the old or the new one.
func (x *Index) write(dir string) error {
	x.APIVersion, x.Kind = APIVersion, Kind
	slices.SortFunc(x.Nodes, func(a, b Node) int { return cmp.Compare(a.Kubernetes, b.Kubernetes) })
	slices.SortFunc(x.Manifests, func(a, b Manifest) int { return cmp.Compare(a.URL, b.URL) })
	slices.SortFunc(x.Images, func(a, b Image) int { return cmp.Compare(a.Name, b.Name) })
	text, err := yaml.Marshal(x)
	if err != nil {
		return fmt.Errorf("writing the index of mirror %q: %w", dir, err)
	}
	return replace(filepath.Join(dir, indexFile), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// replace writes a file under another name first: a reader, or a later run after a
// kill, never sees half of it.
func replace(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a mirror is for everybody to read
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".partial-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone when all went well
	err = errors.Join(write(f), f.Chmod(0o644), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
