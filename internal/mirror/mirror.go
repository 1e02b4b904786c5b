// Package mirror reads and fills a folder that stands in for registries and download
// servers: node images, image archives, manifests and charts, with an index
// (mirror.yaml) that is also a lock.
//
// Goals: what a mirror hands out is what it took in, or it is an error; a person can
// read the index, and any program can write one.
// Non-goals: knowing any CNI. It imports no catalog and no cluster.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/cniproof/cniproof/internal/fetch"
)

// Mirror is an open folder. Its methods may be called by several goroutines.
type Mirror struct {
	dir   string
	index Index

	mu sync.Mutex
	// verified are the files whose checksum was right, with what they looked like then.
	verified map[string]look
}

// look tells whether a file has changed since.
type look struct {
	size     int64
	modified time.Time
	sum      string
}

// Open opens a mirror. The error lists every mistake of its index.
func Open(dir string) (*Mirror, error) {
	index, err := readIndex(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening mirror %q: it has no %s; fill one with `cniproof mirror pull --mirror %s`", dir, indexFile, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("opening mirror %q: %w", dir, err)
	}
	return &Mirror{dir: dir, index: index, verified: map[string]look{}}, nil
}

// Index is what the mirror holds.
func (m *Mirror) Index() Index { return m.index }

// Node finds a node image: "" is the newest, "1.35" the newest patch of that minor
// version. Archive is a path that can be opened; its content has been verified.
func (m *Mirror) Node(kubernetes string) (Node, error) {
	node, ok := m.index.node(kubernetes)
	if !ok {
		return Node{}, fmt.Errorf("mirror %q has no node image of Kubernetes %q: %s", m.dir, kubernetes, m.index.nodeVersions())
	}
	path, err := m.file(node.Archive, node.SHA256)
	node.Archive = path
	return node, err
}

// Image finds the archive of an image by any of its names: "busybox:1" is
// "docker.io/library/busybox:1". The archive has been verified.
func (m *Mirror) Image(image string) (path string, ok bool, err error) {
	wanted := canonical(image)
	for _, i := range m.index.Images {
		if canonical(i.Name) == wanted {
			path, err := m.file(i.Archive, i.SHA256)
			return path, true, err
		}
	}
	return "", false, nil
}

// canonical is an image's name in full; what is no name stands for itself.
func canonical(image string) string {
	ref, err := name.ParseReference(image)
	if err != nil {
		return image
	}
	return ref.Name()
}

// Manifest finds a manifest or a chart by its key and verifies it.
func (m *Mirror) Manifest(key string) ([]byte, bool, error) {
	for _, f := range m.index.Manifests {
		if f.URL != key {
			continue
		}
		path, err := m.file(f.File, f.SHA256)
		if err != nil {
			return nil, true, err
		}
		content, err := os.ReadFile(path) //nolint:gosec // inside the mirror: the index has been checked
		return content, true, err
	}
	return nil, false, nil
}

// Fetch is fetch.Source: what the mirror does not hold is an error.
func (m *Mirror) Fetch(_ context.Context, item fetch.Item) ([]byte, error) {
	content, ok, err := m.Manifest(item.Key())
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("mirror %q does not hold %s: add it with `cniproof mirror pull`", m.dir, item.Key())
	}
	return content, item.Verify(content)
}

// Catalog holds the mirror's own entries of the CNI catalog; nil where it has none.
func (m *Mirror) Catalog() fs.FS {
	dir := filepath.Join(m.dir, "catalog")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil
	}
	return os.DirFS(dir)
}

// file is the path of a file of the mirror that has the checksum of the index. A
// file that has not changed since it was last verified is not read again.
func (m *Mirror) file(name, sum string) (string, error) {
	path := filepath.Join(m.dir, filepath.FromSlash(name))
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("mirror %q is not complete: %w; `cniproof mirror pull` fetches what is missing", m.dir, err)
	}
	now := look{info.Size(), info.ModTime(), sum}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.verified[path] == now {
		return path, nil
	}
	have, err := sumFile(path)
	if err != nil {
		return "", fmt.Errorf("verifying %q: %w", path, err)
	}
	if have != sum {
		return "", fmt.Errorf("%q has sha256 %s, but the index of the mirror says %s: remove the file and fetch it again", path, have, sum)
	}
	m.verified[path] = now
	return path, nil
}

// Verify checks every file of the index. All faults are reported.
func (m *Mirror) Verify(ctx context.Context) error {
	var errs []error
	for _, f := range m.index.files() {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		_, err := m.file(f.name, f.sum)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
