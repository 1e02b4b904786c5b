package mirror

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/cniproof/cniproof/internal/strict"
)

// What an index begins with.
const (
	APIVersion = "cniproof.dev/v1"
	Kind       = "Mirror"
	indexFile  = "mirror.yaml"
)

// Index is the content of mirror.yaml. Paths are relative to the mirror, with
// slashes; sums are SHA-256 in hexadecimal.
type Index struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Nodes      []Node     `json:"nodes"`
	Manifests  []Manifest `json:"manifests"`
	Images     []Image    `json:"images"`
}

// Node is the image of a kind node.
type Node struct {
	Kubernetes string `json:"kubernetes"` // such as v1.36.3
	Image      string `json:"image"`
	Archive    string `json:"archive"` // as `docker save` writes it
	SHA256     string `json:"sha256"`
	Digest     string `json:"digest,omitempty"` // what the registry said
}

// Manifest is a manifest or a chart.
type Manifest struct {
	URL    string `json:"url"` // its key, see fetch.Item
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// Image is an image that is imported into nodes.
type Image struct {
	Name    string `json:"name"`
	Archive string `json:"archive"`
	SHA256  string `json:"sha256"`
	Digest  string `json:"digest,omitempty"` // what the registry said
}

// readIndex reads and checks an index; the error has every mistake.
func readIndex(dir string) (Index, error) {
	path := filepath.Join(dir, indexFile)
	text, err := os.ReadFile(path) //nolint:gosec // the user's own mirror
	if err != nil {
		return Index{}, err
	}
	var index Index
	documents, problems := strict.Documents(path, text)
	if len(documents) > 0 {
		d := strict.NewDecoder(path)
		d.Document(documents[0], "", &index)
		d.Shaped()
		index.check(d)
		problems = append(problems, d.Problems...)
	}
	if len(documents) > 1 {
		problems = append(problems, strict.Problem{File: path, Line: documents[1].Line, Message: "a second document begins here: an index is one"})
	}
	if len(problems) > 0 {
		return Index{}, problems.Sorted()
	}
	return index, nil
}

var hexSum = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (x Index) check(d *strict.Decoder) {
	if x.APIVersion != APIVersion || x.Kind != Kind {
		d.Wrong("apiVersion", "the index of a mirror begins with apiVersion: %s and kind: %s", APIVersion, Kind)
	}
	seen := map[string]bool{}
	once := func(at, field, key string) {
		if key == "" {
			d.Wrong(strict.Child(at, field), "is missing")
		} else if seen[field+" "+key] {
			d.Wrong(strict.Child(at, field), "%q stands here twice", key)
		}
		seen[field+" "+key] = true
	}
	for i, n := range x.Nodes {
		at := strict.Index("nodes", i)
		once(at, "kubernetes", n.Kubernetes)
		if _, err := version.ParseSemantic(n.Kubernetes); n.Kubernetes != "" && err != nil {
			d.Wrong(strict.Child(at, "kubernetes"), "%q must be a version such as v1.36.3", n.Kubernetes)
		}
		if n.Image == "" {
			d.Wrong(strict.Child(at, "image"), "is missing")
		}
		checkFile(d, at, "archive", n.Archive, n.SHA256)
	}
	for i, m := range x.Manifests {
		at := strict.Index("manifests", i)
		once(at, "url", m.URL)
		checkFile(d, at, "file", m.File, m.SHA256)
	}
	for i, m := range x.Images {
		at := strict.Index("images", i)
		once(at, "name", canonical(m.Name))
		checkFile(d, at, "archive", m.Archive, m.SHA256)
	}
}

func checkFile(d *strict.Decoder, at, field, path, sum string) {
	if path == "" {
		d.Wrong(strict.Child(at, field), "is missing")
	} else if !filepath.IsLocal(filepath.FromSlash(path)) {
		d.Wrong(strict.Child(at, field), "%q leads out of the mirror", path)
	}
	if !hexSum.MatchString(sum) {
		d.Wrong(strict.Child(at, "sha256"), "%q must be a SHA-256, 64 digits in lower-case hexadecimal", sum)
	}
}

// node finds a node image by a version in full, a minor version, or "" for the newest.
func (x Index) node(kubernetes string) (Node, bool) {
	wanted := strings.TrimPrefix(kubernetes, "v")
	var best Node
	for _, n := range x.Nodes {
		have := strings.TrimPrefix(n.Kubernetes, "v")
		fits := wanted == "" || have == wanted || strings.HasPrefix(have, wanted+".")
		if fits && (best.Kubernetes == "" || older(best.Kubernetes, n.Kubernetes)) {
			best = n
		}
	}
	return best, best.Kubernetes != ""
}

func older(a, b string) bool {
	va, errA := version.ParseSemantic(a)
	vb, errB := version.ParseSemantic(b)
	return errA == nil && errB == nil && va.LessThan(vb)
}

func (x Index) nodeVersions() string {
	if len(x.Nodes) == 0 {
		return "it has none; add one with `cniproof mirror pull --kubernetes VERSION`"
	}
	var list []string
	for _, n := range x.Nodes {
		list = append(list, n.Kubernetes)
	}
	return "it has " + strings.Join(list, ", ")
}

// file is one file of a mirror with its checksum.
type file struct{ name, sum string }

func (x Index) files() []file {
	var list []file
	for _, n := range x.Nodes {
		list = append(list, file{n.Archive, n.SHA256})
	}
	for _, m := range x.Manifests {
		list = append(list, file{m.File, m.SHA256})
	}
	for _, i := range x.Images {
		list = append(list, file{i.Archive, i.SHA256})
	}
	return list
}

// sumFile is the SHA-256 of a file in hexadecimal.
func sumFile(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // inside the mirror: the index has been checked
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
