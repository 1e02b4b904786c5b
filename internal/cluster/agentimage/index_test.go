package agentimage

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func index(t *testing.T) *Index {
	t.Helper()
	if testing.Short() {
		t.Skip("building the standard library for another architecture takes half a minute")
	}
	x, err := NewIndex(t.Context(), "amd64", "arm64")
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func saved(t *testing.T, x *Index) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := x.Save(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestIndex unpacks the archive, and looks at it as whatever imports it would.
func TestIndex(t *testing.T) {
	x := index(t)
	again := index(t)
	content := saved(t, x)
	if again.Name != x.Name || !bytes.Equal(content, saved(t, again)) {
		t.Errorf("the same agents are %q and then %q, or their archives differ", x.Name, again.Name)
	}
	outer, err := layout.ImageIndexFromPath(unpack(t, content))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := outer.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("the layout's index is %+v, %v", manifest, err)
	}
	if got := manifest.Manifests[0].Annotations["io.containerd.image.name"]; got != x.Name {
		t.Errorf("the archive calls the image %q, want %q", got, x.Name)
	}
	inner, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	check(t, inner)
}

// TestPush pushes to a registry and pulls from it what nodes of each kind would.
func TestPush(t *testing.T) {
	x := index(t)
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	to, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/lab/agent:1")
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := x.Push(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewDigest(pinned)
	if err != nil {
		t.Fatalf("pushed as %q: %v", pinned, err)
	}
	for _, ref := range []name.Reference{to, ref} {
		pulled, err := remote.Index(ref)
		if err != nil {
			t.Fatal(err)
		}
		check(t, pulled)
	}
	server.Close()
	if _, err := x.Push(t.Context(), to); err == nil || !strings.Contains(err.Error(), to.String()) {
		t.Errorf("to a registry that is gone: %v, want an error that names %s", err, to)
	}
}

// check demands an image of each architecture, that has an agent of it and no more.
func check(t *testing.T, x v1.ImageIndex) {
	t.Helper()
	if err := validate.Index(x); err != nil {
		t.Error(err)
	}
	manifest, err := x.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, d := range manifest.Manifests {
		platforms = append(platforms, d.Platform.String())
		image, err := x.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		checkImage(t, image, d.Platform.Architecture)
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" || manifest.MediaType != types.OCIImageIndex {
		t.Errorf("%s of the platforms, -want +got:\n%s", manifest.MediaType, diff)
	}
}

func checkImage(t *testing.T, image v1.Image, arch string) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Architecture != arch || config.OS != "linux" || !slices.Equal(config.Config.Entrypoint, []string{Path}) {
		t.Errorf("linux/%s: config %+v", arch, config)
	}
	if user := config.Config.User; user != "65534" {
		t.Errorf("linux/%s runs as user %q", arch, user)
	}
	if !config.Created.Equal(time.Unix(0, 0)) {
		t.Errorf("linux/%s is of %v, want no time of its own", arch, config.Created)
	}
	files := tar.NewReader(mutate.Extract(image))
	if header, err := files.Next(); err != nil || header.Name != "agent" || !header.ModTime.Equal(time.Unix(0, 0)) {
		t.Fatalf("linux/%s: the first file is %+v, %v", arch, header, err)
	}
	agent, err := io.ReadAll(files)
	if err != nil {
		t.Fatal(err)
	}
	program, err := elf.NewFile(bytes.NewReader(agent))
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch]; program.Machine != want {
		t.Errorf("linux/%s has an agent for %v", arch, program.Machine)
	}
	if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("linux/%s: the agent wants the libraries %q (%v), and the image has none", arch, libraries, err)
	}
	if _, err := files.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("linux/%s: after the agent: %v, want nothing", arch, err)
	}
}

func unpack(t *testing.T, archive []byte) string {
	t.Helper()
	folder := t.TempDir()
	files := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return folder
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, filepath.FromSlash(header.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
