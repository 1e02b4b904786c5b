package agentimage

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// TestImage reads the archive back, as a container runtime would.
func TestImage(t *testing.T) {
	image, err := New(t.Context(), runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	again, err := New(t.Context(), runtime.GOARCH)
	if err != nil || again.Name != image.Name {
		t.Errorf("the same agent is %q and then %q, %v", image.Name, again.Name, err)
	}
	path := filepath.Join(t.TempDir(), "agent.tar")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := image.Save(file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	loaded, err := tarball.ImageFromPath(path, &image.tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(loaded); err != nil {
		t.Error(err)
	}
	config, err := loaded.ConfigFile()
	if err != nil || config.OS != "linux" || config.Architecture != runtime.GOARCH || config.Config.Entrypoint[0] != Path || config.Config.User == "" {
		t.Errorf("config %+v, %v", config, err)
	}
	files := tar.NewReader(mutate.Extract(loaded))
	header, err := files.Next()
	if err != nil || "/"+header.Name != Path || header.Mode != 0o755 {
		t.Fatalf("the first file is %+v, %v", header, err)
	}
	if agent, err := io.ReadAll(files); err != nil || !bytes.Equal(agent, image.Agent()) {
		t.Errorf("%d bytes, %v, want the agent's %d", len(agent), err, len(image.Agent()))
	}
	if _, err := files.Next(); err != io.EOF {
		t.Errorf("after the agent: %v, want nothing", err)
	}
}
