package agentimage

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Index is the agent's image for several architectures under one name.
type Index struct {
	// Name has a tag made from the content, as that of an Image.
	Name  string
	index v1.ImageIndex
	tag   name.Tag
}

// NewIndex assembles the images of the agents that match this cniproof, for GOARCHes.
func NewIndex(ctx context.Context, archs ...string) (*Index, error) {
	var all []mutate.IndexAddendum
	for _, arch := range archs {
		image, err := New(ctx, arch)
		if err != nil {
			return nil, err
		}
		all = append(all, mutate.IndexAddendum{
			Add:        image.image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	index := mutate.AppendManifests(empty.Index, all...)
	tag, err := tagOf(index)
	if err != nil {
		return nil, err
	}
	return &Index{Name: tag.Name(), index: index, tag: tag}, nil
}

// Save writes the images as an archive of an OCI image layout, which says their name
// to whatever imports it.
func (x *Index) Save(w io.Writer) error {
	if err := x.save(w); err != nil {
		return fmt.Errorf("writing the agent's image: %w", err)
	}
	return nil
}

func (x *Index) save(w io.Writer) error {
	folder, err := os.MkdirTemp("", "cniproof-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a leftover is in the folder of temporary files
	named := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: x.index,
		Descriptor: v1.Descriptor{Annotations: map[string]string{
			"org.opencontainers.image.ref.name": x.tag.TagStr(),
			"io.containerd.image.name":          x.tag.Name(),
		}},
	})
	if _, err := layout.Write(folder, named); err != nil {
		return err
	}
	return pack(w, os.DirFS(folder))
}

// pack writes files as an archive in which nothing tells when and by whom.
func pack(w io.Writer, files fs.FS) error {
	archive := tar.NewWriter(w)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = archive.Write(content)
		return err
	})
	if err != nil {
		return err
	}
	return archive.Close()
}

// Push uploads the images to a registry, with the credentials that docker and its like
// keep, and returns the reference with the digest: it means these bytes for good.
func (x *Index) Push(ctx context.Context, to name.Reference) (string, error) {
	digest, err := x.index.Digest()
	if err != nil {
		return "", fmt.Errorf("pushing the agent's image to %s: %w", to, err)
	}
	err = remote.WriteIndex(to, x.index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return "", fmt.Errorf("pushing the agent's image to %s: %w", to, err)
	}
	return to.Context().Digest(digest.String()).Name(), nil
}
