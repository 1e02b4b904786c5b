// Package agentimage assembles the image of the probe pods in this process: one
// layer with one static file, so that neither a registry nor a container builder is
// needed.
//
// It must not import a provider.
package agentimage

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/cniproof/cniproof/internal/agentbin"
)

// Path is where the image has the agent.
const Path = "/agent"

const repository = "cniproof.dev/agent"

// Image is the agent's image for one architecture.
type Image struct {
	// Name has a tag made from the content: the same agent, the same name.
	Name  string
	agent []byte
	image v1.Image
	tag   name.Tag
}

// New assembles the image of the agent that matches this cniproof, for a GOARCH.
func New(ctx context.Context, arch string) (*Image, error) {
	agent, err := agentbin.Bytes(ctx, arch)
	if err != nil {
		return nil, err
	}
	image, err := assemble(agent, arch)
	if err != nil {
		return nil, fmt.Errorf("assembling the agent's image: %w", err)
	}
	digest, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("assembling the agent's image: %w", err)
	}
	tag, err := name.NewTag(repository + ":" + digest.Hex[:12])
	if err != nil {
		return nil, fmt.Errorf("naming the agent's image: %w", err)
	}
	return &Image{Name: tag.Name(), agent: agent, image: image, tag: tag}, nil
}

func assemble(agent []byte, arch string) (v1.Image, error) {
	content, err := Archive(agent)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.DockerLayer))
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, &v1.ConfigFile{
		Architecture: arch, OS: "linux",
		RootFS:  rootFS(image),
		Config:  v1.Config{Entrypoint: []string{Path}},
		History: []v1.History{{CreatedBy: "cniproof"}},
	})
}

func rootFS(image v1.Image) v1.RootFS {
	config, err := image.ConfigFile()
	if err != nil { // of an image in memory
		return v1.RootFS{Type: "layers"}
	}
	return config.RootFS
}

// Archive is a tar archive with the agent at its place.
func Archive(agent []byte) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: Path[1:], Mode: 0o755, Size: int64(len(agent)), Typeflag: tar.TypeReg})
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(agent); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Agent is the executable in the image.
func (i *Image) Agent() []byte { return i.agent }

// Save writes the image as an archive that `docker load` and `ctr images import` read.
func (i *Image) Save(w io.Writer) error {
	if err := tarball.Write(i.tag, i.image, w); err != nil {
		return fmt.Errorf("writing the agent's image: %w", err)
	}
	return nil
}
