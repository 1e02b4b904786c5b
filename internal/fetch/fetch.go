// Package fetch downloads what a CNI is installed from: manifests and Helm charts.
//
// Goals: what arrives is what was pinned, or it is an error.
// Non-goals: knowing what it is for, and keeping it. It imports no other package of
// this project.
package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxBytes bounds a manifest or a chart.
const maxBytes = 64 << 20

// perRequest bounds one request; a manifest takes a second.
const perRequest = 2 * time.Minute

// Item is one thing to fetch: a file by its URL, or a Helm chart.
type Item struct {
	// URL of the file; "" for a chart.
	URL string
	// Chart, where it is one.
	Chart Chart
	// SHA256 of the content in hexadecimal, "" where none is known.
	SHA256 string
}

// Chart names a Helm chart in a repository, which is an https or an oci URL.
type Chart struct{ Repository, Name, Version string }

// Key names the item for good: its URL, or that of the chart's archive as it is
// usually called. The archive itself may lie elsewhere.
func (i Item) Key() string {
	if i.URL != "" {
		return i.URL
	}
	return i.Chart.String()
}

// String is the URL that a chart usually has.
func (c Chart) String() string { return c.Repository + "/" + c.Name + "-" + c.Version + ".tgz" }

// Source fetches items.
type Source interface {
	Fetch(ctx context.Context, item Item) ([]byte, error)
}

// ChecksumError is about content that is not what was pinned.
type ChecksumError struct{ Key, Want, Have string }

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("%s has sha256 %s, not %s: what is served there is not what was pinned; nothing of it was used", e.Key, e.Have, e.Want)
}

// Verify compares content with the item's checksum, where there is one.
func (i Item) Verify(content []byte) error {
	if have := Sum(content); i.SHA256 != "" && have != i.SHA256 {
		return &ChecksumError{Key: i.Key(), Want: i.SHA256, Have: have}
	}
	return nil
}

// Sum is the SHA-256 of content in hexadecimal.
func Sum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// HTTP fetches from where the items live.
type HTTP struct {
	// Client makes the requests; nil stands for one with sensible limits.
	Client *http.Client
}

// Fetch downloads an item and verifies its checksum.
func (h HTTP) Fetch(ctx context.Context, item Item) ([]byte, error) {
	content, err := h.fetch(ctx, item)
	if err != nil {
		return nil, err
	}
	return content, item.Verify(content)
}

func (h HTTP) fetch(ctx context.Context, item Item) ([]byte, error) {
	if item.URL != "" {
		return h.get(ctx, item.URL)
	}
	return h.chart(ctx, item.Chart)
}

func (h HTTP) get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, perRequest)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("downloading %s: %w", url, err)
	}
	response, err := h.client().Do(request)
	if err != nil {
		return nil, fmt.Errorf("downloading %s: %w; on a host without access, fill a mirror elsewhere (`cniproof mirror pull`) and use --mirror", url, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("downloading %s: the server says %s", url, response.Status)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxBytes+1))
	if err == nil && len(content) > maxBytes {
		err = errors.New("it is larger than 64 MiB")
	}
	if err != nil {
		return nil, fmt.Errorf("downloading %s: %w", url, err)
	}
	return content, nil
}

func (h HTTP) client() *http.Client {
	if h.Client != nil {
		return h.Client
	}
	return http.DefaultClient
}
