package mirror_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/cniproof/cniproof/internal/fetch"
	"github.com/cniproof/cniproof/internal/mirror"
)

// lab is a registry and a download server.
type lab struct {
	t        *testing.T
	registry string // host and port
	files    map[string]string
	source   fetch.HTTP
	url      string
	blobs    atomic.Int64 // that were downloaded
	failing  atomic.Int64 // downloads of blobs that still succeed; below 0: all do
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, files: map[string]string{}}
	l.failing.Store(-1)
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/sha256:") {
			l.blobs.Add(1)
			if left := l.failing.Load(); left == 0 {
				panic(http.ErrAbortHandler)
			} else if left > 0 {
				l.failing.Add(-1)
			}
		}
		images.ServeHTTP(w, r)
	}))
	t.Cleanup(r.Close)
	l.registry = strings.TrimPrefix(r.URL, "http://")
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := l.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(content))
	}))
	t.Cleanup(s.Close)
	l.url, l.source = s.URL, fetch.HTTP{Client: s.Client()}
	return l
}

// push puts a random image into the registry and returns its name and digest.
func (l *lab) push(image string) (string, v1.Hash) {
	l.t.Helper()
	content, err := random.Image(1024, 2)
	if err != nil {
		l.t.Fatal(err)
	}
	full := l.registry + "/" + image
	ref, err := name.ParseReference(full)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := remote.Write(ref, content); err != nil {
		l.t.Fatal(err)
	}
	digest, err := content.Digest()
	if err != nil {
		l.t.Fatal(err)
	}
	return full, digest
}

func (l *lab) pull(dir string, want mirror.Wanted) ([]string, error) {
	var lines []string
	err := mirror.Pull(l.t.Context(), dir, want, l.source, func(line string) { lines = append(lines, line) })
	return lines, err
}

func TestPull(t *testing.T) {
	l := newLab(t)
	l.files["/v1/cni.yaml"] = "kind: DaemonSet"
	agent, digest := l.push("project/agent:v1")
	nodeImage, _ := l.push("kindest/node:v1.36.3")
	dir := filepath.Join(t.TempDir(), "new")
	want := mirror.Wanted{
		Items:  []fetch.Item{{URL: l.url + "/v1/cni.yaml"}},
		Images: []string{agent},
		Nodes:  []mirror.Node{{Kubernetes: "v1.36.3", Image: nodeImage}},
	}
	if lines, err := l.pull(dir, want); err != nil || len(lines) != 3 {
		t.Fatalf("%q, error %v", lines, err)
	}
	m := open(t, dir)
	if err := m.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	if content, ok, err := m.Manifest(l.url + "/v1/cni.yaml"); string(content) != "kind: DaemonSet" || !ok || err != nil {
		t.Errorf("manifest %q %v %v", content, ok, err)
	}
	path, ok, err := m.Image(agent)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	tag, err := name.NewTag(agent)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tarball.ImageFromPath(path, &tag); err != nil {
		t.Errorf("the archive does not name its image: %v", err)
	}
	if n, err := m.Node("1.36"); err != nil || n.Image != nodeImage || n.Digest == "" {
		t.Errorf("%+v, error %v", n, err)
	}
	if i := m.Index().Images[0]; i.Digest != digest.String() {
		t.Errorf("locked %s, want %s", i.Digest, digest)
	}

	before := l.blobs.Load()
	lines, err := l.pull(dir, want)
	if err != nil || slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "got") }) {
		t.Errorf("a second pull fetched again: %q, error %v", lines, err)
	}
	if l.blobs.Load() != before {
		t.Errorf("%d blobs were downloaded again", l.blobs.Load()-before)
	}
}

// A name that means something else than it did is refused, and what was locked stays.
func TestPullHoldsTheLock(t *testing.T) {
	l := newLab(t)
	l.files["/cni.yaml"] = "one"
	agent, old := l.push("agent:v1")
	dir := t.TempDir()
	manifest, image := mirror.Wanted{Items: []fetch.Item{{URL: l.url + "/cni.yaml"}}}, mirror.Wanted{Images: []string{agent}}
	for _, want := range []mirror.Wanted{manifest, image} {
		if _, err := l.pull(dir, want); err != nil {
			t.Fatal(err)
		}
	}
	l.files["/cni.yaml"] = "two"
	_, moved := l.push("agent:v1")
	for what, want := range map[string]mirror.Wanted{fetch.Sum([]byte("two")): manifest, moved.String(): image} {
		_, err := l.pull(dir, want)
		var lock *mirror.LockError
		if !errors.As(err, &lock) || !strings.Contains(lock.Now, what) || !strings.Contains(err.Error(), "mirror.yaml") {
			t.Errorf("error %v", err)
		}
	}
	m := open(t, dir)
	if content, _, err := m.Manifest(l.url + "/cni.yaml"); string(content) != "one" || err != nil {
		t.Errorf("%q, error %v", content, err)
	}
	if i := m.Index().Images[0]; i.Digest != old.String() {
		t.Errorf("locked %s, want %s", i.Digest, old)
	}
}

// A pull that is cut short leaves a sound mirror, and the next one goes on.
func TestPullResumes(t *testing.T) {
	l := newLab(t)
	first, _ := l.push("first:v1")
	second, _ := l.push("second:v1")
	dir := t.TempDir()
	want := mirror.Wanted{Images: []string{first, second}}
	l.failing.Store(4) // the first image has a configuration and two layers
	if _, err := l.pull(dir, want); err == nil {
		t.Fatal("a registry that hangs up makes no error")
	}
	m := open(t, dir)
	if err := m.Verify(t.Context()); err != nil || len(m.Index().Images) != 1 {
		t.Errorf("after the interruption: %d images, error %v", len(m.Index().Images), err)
	}
	l.failing.Store(-1)
	lines, err := l.pull(dir, want)
	if err != nil || len(lines) != 2 || !strings.HasPrefix(lines[0], "have") || !strings.HasPrefix(lines[1], "got") {
		t.Errorf("%q, error %v", lines, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", ".partial-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, error %v", left, err)
	}
	// An archive that was damaged later is fetched again.
	path, _, err := m.Image(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	if lines, err := l.pull(dir, want); err != nil || !strings.HasPrefix(lines[0], "got") {
		t.Errorf("%q, error %v", lines, err)
	}
	if err := open(t, dir).Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPullRefuses(t *testing.T) {
	l := newLab(t)
	l.files["/cni.yaml"] = "one"
	agent, _ := l.push("agent:v1")
	var wrong *fetch.ChecksumError
	_, err := l.pull(t.TempDir(), mirror.Wanted{Items: []fetch.Item{{URL: l.url + "/cni.yaml", SHA256: fetch.Sum([]byte("other"))}}})
	if !errors.As(err, &wrong) {
		t.Errorf("a wrong checksum: error %v", err)
	}
	untagged := strings.TrimSuffix(agent, ":v1")
	for image, want := range map[string]string{untagged: "has no tag", l.registry + "/gone:v1": "gone:v1"} {
		if _, err := l.pull(t.TempDir(), mirror.Wanted{Images: []string{image}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", image, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := mirror.Pull(ctx, t.TempDir(), mirror.Wanted{Images: []string{agent}}, l.source, func(string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: error %v", err)
	}
}
