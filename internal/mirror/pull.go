package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/cniproof/cniproof/internal/fetch"
)

// Wanted is what a mirror is to hold.
type Wanted struct {
	Items  []fetch.Item // manifests and charts
	Images []string
	// Nodes need Kubernetes and Image only.
	Nodes []Node
}

// Pull fills a mirror, which it makes if need be. Everything is asked for again, so
// that nobody builds on what has changed since: what is served now must be what the
// index has locked, or nothing of it is used. What is there already is not
// downloaded twice. The index is written after each item, so that a pull that was
// interrupted goes on where it ended. progress takes one line at a time.
func Pull(ctx context.Context, dir string, want Wanted, source fetch.Source, progress func(string)) error {
	p := puller{dir: dir, source: source, progress: progress}
	index, err := readIndex(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("opening mirror %q: %w", dir, err)
	}
	p.index = index
	if err := p.index.write(dir); err != nil {
		return err
	}
	for _, item := range want.Items {
		if err := p.item(ctx, item); err != nil {
			return err
		}
	}
	for _, image := range want.Images {
		if err := p.image(ctx, image); err != nil {
			return err
		}
	}
	for _, node := range want.Nodes {
		if err := p.node(ctx, node); err != nil {
			return err
		}
	}
	return nil
}

type puller struct {
	dir      string
	index    Index
	source   fetch.Source
	progress func(string)
}

// LockError is about something that is not what it was when it was locked.
type LockError struct{ Name, Locked, Now string }

func (e *LockError) Error() string {
	return fmt.Sprintf("%s is now %s, but the mirror has locked %s: somebody has replaced it; find out who and why, and remove its row from %s if the new one is right",
		e.Name, e.Now, e.Locked, indexFile)
}

func (p *puller) item(ctx context.Context, item fetch.Item) error {
	content, err := p.source.Fetch(ctx, item)
	if err != nil {
		return err
	}
	key, sum := item.Key(), fetch.Sum(content)
	row := find(p.index.Manifests, func(m Manifest) bool { return m.URL == key })
	if row == nil {
		p.index.Manifests = append(p.index.Manifests, Manifest{URL: key, SHA256: sum, File: "manifests/" + fileName(key, "")})
		row = &p.index.Manifests[len(p.index.Manifests)-1]
	}
	if row.SHA256 != sum {
		return &LockError{Name: key, Locked: "sha256 " + row.SHA256, Now: "sha256 " + sum}
	}
	if p.has(row.File, sum) {
		p.progress("have " + key)
		return nil
	}
	err = replace(p.path(row.File), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping %s: %w", key, err)
	}
	p.progress("got  " + key)
	return p.index.write(p.dir)
}

func (p *puller) image(ctx context.Context, image string) error {
	wanted := canonical(image)
	row := find(p.index.Images, func(i Image) bool { return canonical(i.Name) == wanted })
	if row == nil {
		row = &Image{Name: image, Archive: "images/" + fileName(image, ".tar")}
	}
	pulled, err := p.archive(ctx, row.Name, Image{Archive: row.Archive, SHA256: row.SHA256, Digest: row.Digest})
	if err != nil {
		return err
	}
	pulled.Name = row.Name
	p.index.Images = put(p.index.Images, pulled, func(i Image) bool { return canonical(i.Name) == wanted })
	return p.index.write(p.dir)
}

func (p *puller) node(ctx context.Context, node Node) error {
	row := find(p.index.Nodes, func(n Node) bool { return n.Kubernetes == node.Kubernetes })
	if row == nil {
		row = &Node{Kubernetes: node.Kubernetes, Image: node.Image, Archive: "nodes/" + node.Kubernetes + ".tar"}
	}
	if canonical(row.Image) != canonical(node.Image) {
		return fmt.Errorf("the mirror's node image of Kubernetes %s is %s, not %s: remove its row from %s, or leave out --kubernetes", node.Kubernetes, row.Image, node.Image, indexFile)
	}
	pulled, err := p.archive(ctx, row.Image, Image{Archive: row.Archive, SHA256: row.SHA256, Digest: row.Digest})
	if err != nil {
		return err
	}
	fresh := Node{Kubernetes: row.Kubernetes, Image: row.Image, Archive: pulled.Archive, SHA256: pulled.SHA256, Digest: pulled.Digest}
	p.index.Nodes = put(p.index.Nodes, fresh, func(n Node) bool { return n.Kubernetes == node.Kubernetes })
	return p.index.write(p.dir)
}

// archive makes sure that an image lies in the mirror as the registry serves it.
func (p *puller) archive(ctx context.Context, image string, row Image) (Image, error) {
	tag, err := tagOf(image)
	if err != nil {
		return Image{}, err
	}
	ref, err := name.ParseReference(image)
	if err != nil {
		return Image{}, fmt.Errorf("pulling %s: %w", image, err)
	}
	found, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	if err != nil {
		return Image{}, fmt.Errorf("pulling %s: %w", image, err)
	}
	digest := found.Digest.String()
	if row.Digest != "" && row.Digest != digest {
		return Image{}, &LockError{Name: image, Locked: row.Digest, Now: digest}
	}
	if row.Digest == "" && row.SHA256 != "" && p.has(row.Archive, row.SHA256) {
		p.progress("have " + image + ", which no registry has vouched for: left as it is")
		return row, nil
	}
	if row.SHA256 != "" && p.has(row.Archive, row.SHA256) {
		p.progress("have " + image)
		return row, nil
	}
	content, err := found.Image()
	if err != nil {
		return Image{}, fmt.Errorf("pulling %s: %w", image, err)
	}
	err = replace(p.path(row.Archive), func(w io.Writer) error { return tarball.Write(tag, content, w) })
	if err != nil {
		return Image{}, fmt.Errorf("pulling %s: %w", image, err)
	}
	row.Digest = digest
	if row.SHA256, err = sumFile(p.path(row.Archive)); err != nil {
		return Image{}, fmt.Errorf("pulling %s: %w", image, err)
	}
	p.progress("got  " + image + " " + digest)
	return row, nil
}

// tagOf is the tag by which an archive names its image.
func tagOf(image string) (name.Tag, error) {
	text, _, _ := strings.Cut(image, "@")
	tag, err := name.NewTag(text, name.WithDefaultTag(""))
	if err != nil || tag.TagStr() == "" {
		return tag, fmt.Errorf("%q has no tag, without which a node could not find it: write NAME:TAG or NAME:TAG@DIGEST", image)
	}
	return tag, nil
}

func (p *puller) path(file string) string { return filepath.Join(p.dir, filepath.FromSlash(file)) }

// has reports whether the mirror holds a file with this checksum.
func (p *puller) has(file, sum string) bool {
	if _, err := os.Stat(p.path(file)); err != nil {
		return false
	}
	have, err := sumFile(p.path(file))
	return err == nil && have == sum
}

var unsafe = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// fileName makes a file's name that a person recognises, and that no other URL or
// image has.
func fileName(key, suffix string) string {
	_, rest, ok := strings.Cut(key, "://")
	if !ok {
		rest = key
	}
	words := unsafe.ReplaceAllString(rest, "-")
	if len(words) > 100 {
		words = words[len(words)-100:]
	}
	return fetch.Sum([]byte(key))[:8] + "-" + words + suffix
}

func find[T any](list []T, is func(T) bool) *T {
	for i := range list {
		if is(list[i]) {
			return &list[i]
		}
	}
	return nil
}

// put replaces the row of a list that it is about, or adds one.
func put[T any](list []T, row T, is func(T) bool) []T {
	if old := find(list, is); old != nil {
		*old = row
		return list
	}
	return append(list, row)
}
