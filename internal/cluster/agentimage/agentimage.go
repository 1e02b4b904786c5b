// Package agentimage assembles the image of the probe pods in this process: one
// layer with one static file for each architecture, so that no container builder is
// needed. The same agents make the same bytes, whenever and wherever.
//
// It must not import a provider.
package agentimage

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/cniproof/cniproof/internal/agentbin"
	"github.com/cniproof/cniproof/internal/cluster"
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
	tag, err := tagOf(image)
	if err != nil {
		return nil, err
	}
	return &Image{Name: tag.Name(), agent: agent, image: image, tag: tag}, nil
}

// tagOf names an image, or several under one name, by the content.
func tagOf(content interface{ Digest() (v1.Hash, error) }) (name.Tag, error) {
	digest, err := content.Digest()
	if err != nil {
		return name.Tag{}, fmt.Errorf("naming the agent's image: %w", err)
	}
	tag, err := name.NewTag(repository + ":" + digest.Hex[:12])
	if err != nil {
		return name.Tag{}, fmt.Errorf("naming the agent's image: %w", err)
	}
	return tag, nil
}

func assemble(agent []byte, arch string) (v1.Image, error) {
	content, err := Archive(agent)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(base, layer)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	always := v1.Time{Time: time.Unix(0, 0).UTC()}
	return mutate.ConfigFile(image, &v1.ConfigFile{
		Architecture: arch, OS: "linux", Created: always,
		RootFS:  config.RootFS,
		Config:  v1.Config{Entrypoint: []string{Path}, User: strconv.FormatInt(cluster.Unprivileged, 10)},
		History: []v1.History{{CreatedBy: "cniproof", Created: always}},
	})
}

// Archive is a tar archive with the agent at its place, of no time.
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
