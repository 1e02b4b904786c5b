package diagnose

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// most is how many bundles a run writes.
const most = 20

// Folder is where the bundles of a run go, a folder for each scenario. Its methods
// may be called at once.
type Folder struct {
	path string

	mu      sync.Mutex
	begun   int
	leftOut int
}

// NewFolder makes nothing yet: a run without a failure leaves no folder.
func NewFolder(path string) *Folder { return &Folder{path: path} }

// Path is where bundles go.
func (f *Folder) Path() string { return f.path }

// Dir is the folder of one scenario's bundle.
func (f *Folder) Dir(name string) string { return filepath.Join(f.path, fileName(name)) }

// Room reports whether there is room for one more bundle, and takes it.
func (f *Folder) Room() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.begun == most {
		f.leftOut++
		return false
	}
	f.begun++
	return true
}

// Count is how many bundles there are, and for how many there was no room.
func (f *Folder) Count() (written, leftOut int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.begun, f.leftOut
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
