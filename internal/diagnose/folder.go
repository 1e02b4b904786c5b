package diagnose

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// most is how many bundles a run writes.
const most = 20

// Folder is where the bundles of a run go, a folder for each scenario. Its methods
// may be called at once.
type Folder struct {
	path string

	mu      sync.Mutex
	begun   map[string]bool // scenarios that have a bundle, or soon will
	leftOut map[string]bool
}

// NewFolder makes nothing yet: a run without a failure leaves no folder.
func NewFolder(path string) *Folder {
	return &Folder{path: path, begun: map[string]bool{}, leftOut: map[string]bool{}}
}

// Path is where bundles go.
func (f *Folder) Path() string { return f.path }

// Dir is the folder of one scenario's bundle.
func (f *Folder) Dir(name string) string { return filepath.Join(f.path, fileName(name)) }

// Room reports whether there is room for the bundle of a scenario, and takes it. One
// that has a bundle already has room for another in its place.
func (f *Folder) Room(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.begun[name] {
		return true
	}
	if len(f.begun) == most {
		f.leftOut[name] = true
		return false
	}
	f.begun[name] = true
	return true
}

// Drop removes the bundle of a scenario that this folder made room for: it did not
// fail in the end.
func (f *Folder) Drop(name string) error {
	f.mu.Lock()
	had := f.begun[name]
	delete(f.begun, name)
	delete(f.leftOut, name)
	f.mu.Unlock()
	if !had {
		return nil
	}
	if err := f.clear(f.Dir(name)); err != nil {
		return fmt.Errorf("removing the bundle of %s: %w", name, err)
	}
	_ = os.Remove(f.path) // only where it is empty now
	return nil
}

// Count is how many bundles there are, and for how many there was no room.
func (f *Folder) Count() (written, leftOut int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.begun), len(f.leftOut)
}

// Names are the scenarios that have a bundle, sorted.
func (f *Folder) Names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.begun))
}

// Write writes a bundle and returns its folder. What an earlier run left there under
// the same name is replaced.
func (f *Folder) Write(name string, files []File) (string, error) {
	dir := f.Dir(name)
	if err := f.clear(dir); err != nil {
		return dir, fmt.Errorf("writing the bundle of %s: %w", name, err)
	}
	var errs []error
	for _, file := range files {
		errs = append(errs, write(filepath.Join(dir, filepath.FromSlash(file.Name)), file))
	}
	if err := errors.Join(errs...); err != nil {
		return dir, fmt.Errorf("writing the bundle of %s: %w", name, err)
	}
	return dir, nil
}

// clear removes an earlier bundle, and nothing else that is called so.
func (f *Folder) clear(dir string) error {
	for _, name := range []string{"README.md", "pods.txt"} {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, os.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}

func write(path string, f File) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a bundle is for everybody to read
		return err
	}
	mode := os.FileMode(0o644)
	if f.Run {
		mode = 0o755
	}
	return os.WriteFile(path, []byte(f.Body), mode)
}
