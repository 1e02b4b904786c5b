package mirror_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/fetch"
	"github.com/cniproof/cniproof/internal/mirror"
)

// folder makes a mirror of files and an index; @NAME in the index is the sum of a file.
func folder(t *testing.T, index string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		index = strings.ReplaceAll(index, "@"+name, fetch.Sum([]byte(content)))
		write(t, filepath.Join(dir, name), content)
	}
	write(t, filepath.Join(dir, "mirror.yaml"), index)
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

const sample = `apiVersion: cniproof.dev/v1
kind: Mirror
nodes:
- {kubernetes: v1.36.3, image: "cniproof.dev/node:v1.36.3", archive: nodes/a.tar, sha256: @nodes/a.tar}
- {kubernetes: v1.36.10, image: "cniproof.dev/node:v1.36.10", archive: nodes/b.tar, sha256: @nodes/b.tar}
- {kubernetes: v1.35.9, image: "cniproof.dev/node:v1.35.9", archive: nodes/c.tar, sha256: @nodes/c.tar}
manifests:
- {url: "https://example.com/cni.yaml", file: manifests/cni.yaml, sha256: @manifests/cni.yaml}
images:
- {name: "docker.io/library/busybox:1.36", archive: images/busybox.tar, sha256: @images/busybox.tar, digest: "sha256:00"}
`

func sampleFiles() map[string]string {
	return map[string]string{
		"nodes/a.tar": "node a", "nodes/b.tar": "node b", "nodes/c.tar": "node c",
		"manifests/cni.yaml": "kind: DaemonSet", "images/busybox.tar": "an image",
	}
}

func open(t *testing.T, dir string) *mirror.Mirror {
	t.Helper()
	m, err := mirror.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNode(t *testing.T) {
	dir := folder(t, sample, sampleFiles())
	m := open(t, dir)
	for asked, want := range map[string]string{
		"": "v1.36.10", "1.36": "v1.36.10", "v1.36": "v1.36.10", "1.36.3": "v1.36.3", "v1.36.3": "v1.36.3", "1.35": "v1.35.9",
	} {
		n, err := m.Node(asked)
		if err != nil || n.Kubernetes != want || n.Image != "cniproof.dev/node:"+want {
			t.Errorf("node %q: %+v, error %v, want %s", asked, n, err, want)
		}
		if _, err := os.Stat(n.Archive); err != nil {
			t.Errorf("node %q: %v", asked, err)
		}
	}
	for _, asked := range []string{"1.3", "1.34", "2"} {
		if n, err := m.Node(asked); err == nil || !strings.Contains(err.Error(), "it has v1.36.3, v1.36.10, v1.35.9") {
			t.Errorf("node %q: %+v, error %v", asked, n, err)
		}
	}
}

func TestImageByAnyName(t *testing.T) {
	m := open(t, folder(t, sample, sampleFiles()))
	for _, name := range []string{"busybox:1.36", "docker.io/library/busybox:1.36", "index.docker.io/library/busybox:1.36"} {
		path, ok, err := m.Image(name)
		if err != nil || !ok || filepath.Base(path) != "busybox.tar" {
			t.Errorf("image %s: %q %v %v", name, path, ok, err)
		}
	}
	if path, ok, err := m.Image("busybox:1.37"); ok || err != nil || path != "" {
		t.Errorf("another tag: %q %v %v", path, ok, err)
	}
}

func TestManifest(t *testing.T) {
	m := open(t, folder(t, sample, sampleFiles()))
	content, ok, err := m.Manifest("https://example.com/cni.yaml")
	if string(content) != "kind: DaemonSet" || !ok || err != nil {
		t.Errorf("%q %v %v", content, ok, err)
	}
	if _, ok, err := m.Manifest("https://example.com/other.yaml"); ok || err != nil {
		t.Errorf("a URL that is not there: %v %v", ok, err)
	}
	if _, err := m.Fetch(t.Context(), fetch.Item{URL: "https://example.com/other.yaml"}); err == nil || !strings.Contains(err.Error(), "cniproof mirror pull") {
		t.Errorf("error %v does not say what to do", err)
	}
	pinned := fetch.Item{URL: "https://example.com/cni.yaml", SHA256: fetch.Sum([]byte("another"))}
	var wrong *fetch.ChecksumError
	if _, err := m.Fetch(t.Context(), pinned); !errors.As(err, &wrong) {
		t.Errorf("what the catalog pins otherwise was handed out: %v", err)
	}
}

// A file that was changed after it was verified is seen all the same.
func TestTampering(t *testing.T) {
	dir := folder(t, sample, sampleFiles())
	m := open(t, dir)
	if err := m.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "images/busybox.tar")
	write(t, path, "AN IMAGE") // of the same size
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if path, _, err := m.Image("busybox:1.36"); err == nil || !strings.Contains(err.Error(), "fetch it again") {
		t.Errorf("a changed archive was handed out: %q, error %v", path, err)
	}
	if err := os.Remove(filepath.Join(dir, "nodes/c.tar")); err != nil {
		t.Fatal(err)
	}
	err := m.Verify(t.Context())
	for _, want := range []string{"busybox.tar", "c.tar"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("verify does not name %s: %v", want, err)
		}
	}
}

func TestCatalog(t *testing.T) {
	if open(t, folder(t, sample, sampleFiles())).Catalog() != nil {
		t.Error("a mirror without a catalog has one")
	}
	files := sampleFiles()
	files["catalog/calico.yaml"] = "kind: CNI"
	text, err := fs.ReadFile(open(t, folder(t, sample, files)).Catalog(), "calico.yaml")
	if err != nil || string(text) != "kind: CNI" {
		t.Errorf("%q, error %v", text, err)
	}
}

func TestOpenReportsEverything(t *testing.T) {
	dir := folder(t, `apiVersion: cniproof.dev/v2
kind: Mirror
nodes:
- {kubernetes: newest, archive: ../node.tar, sha256: 12}
manifest: []
images:
- {name: busybox, archive: /a.tar, sha256: @a}
- {name: docker.io/library/busybox:latest, archive: a, sha256: @a}
`, map[string]string{"a": "a"})
	_, err := mirror.Open(dir)
	if err == nil {
		t.Fatal("no error")
	}
	have := strings.ReplaceAll(err.Error(), dir+"/", "")
	have = have[strings.Index(have, "\": ")+3:]
	want := `mirror.yaml:1: apiVersion: the index of a mirror begins with apiVersion: cniproof.dev/v1 and kind: Mirror
mirror.yaml:4: nodes[0].sha256: must be a string, not the number 12: write it in quotes
mirror.yaml:4: nodes[0].kubernetes: "newest" must be a version such as v1.36.3
mirror.yaml:4: nodes[0].image: is missing
mirror.yaml:4: nodes[0].archive: "../node.tar" leads out of the mirror
mirror.yaml:5: manifest: unknown field "manifest": did you mean "manifests"?
mirror.yaml:7: images[0].archive: "/a.tar" leads out of the mirror
mirror.yaml:8: images[1].name: "index.docker.io/library/busybox:latest" stands here twice`
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(have, "\n")); diff != "" {
		t.Error(diff)
	}
	if _, err := mirror.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "mirror pull") {
		t.Errorf("an empty folder: %v", err)
	}
}
