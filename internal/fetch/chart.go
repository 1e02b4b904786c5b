package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"sigs.k8s.io/yaml"
)

// chartLayer is the media type of a chart's archive in an OCI registry, as Helm's
// documentation has it.
const chartLayer types.MediaType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

func (h HTTP) chart(ctx context.Context, c Chart) ([]byte, error) {
	if repository, ok := strings.CutPrefix(c.Repository, "oci://"); ok {
		return h.ociChart(ctx, repository+"/"+c.Name+":"+c.Version)
	}
	where, err := h.chartURL(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("looking up chart %s %s: %w", c.Name, c.Version, err)
	}
	return h.get(ctx, where)
}

// chartURL asks the repository's index where a version of a chart lies.
func (h HTTP) chartURL(ctx context.Context, c Chart) (string, error) {
	base := strings.TrimSuffix(c.Repository, "/") + "/"
	text, err := h.get(ctx, base+"index.yaml")
	if err != nil {
		return "", err
	}
	var index struct {
		Entries map[string][]struct {
			Version string   `json:"version"`
			URLs    []string `json:"urls"`
		} `json:"entries"`
	}
	if err := yaml.Unmarshal(text, &index); err != nil {
		return "", fmt.Errorf("reading %sindex.yaml: %w", base, err)
	}
	for _, v := range index.Entries[c.Name] {
		if v.Version == c.Version && len(v.URLs) > 0 {
			return resolve(base, v.URLs[0])
		}
	}
	return "", fmt.Errorf("%sindex.yaml has no such chart", base)
}

// resolve reads a URL that may be relative to the repository's.
func resolve(base, ref string) (string, error) {
	from, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	to, err := from.Parse(ref)
	if err != nil {
		return "", err
	}
	return to.String(), nil
}

func (h HTTP) ociChart(ctx context.Context, ref string) ([]byte, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", ref, err)
	}
	options := []remote.Option{remote.WithContext(ctx)}
	if h.Client != nil {
		options = append(options, remote.WithTransport(h.Client.Transport))
	}
	image, err := remote.Image(parsed, options...)
	if err != nil {
		return nil, fmt.Errorf("pulling chart %s: %w", ref, err)
	}
	layers, err := image.Layers()
	if err != nil {
		return nil, fmt.Errorf("pulling chart %s: %w", ref, err)
	}
	for _, l := range layers {
		if media, err := l.MediaType(); err != nil || media != chartLayer {
			continue
		}
		r, err := l.Compressed()
		if err != nil {
			return nil, fmt.Errorf("pulling chart %s: %w", ref, err)
		}
		content, err := io.ReadAll(io.LimitReader(r, maxBytes))
		return content, errors.Join(err, r.Close())
	}
	return nil, fmt.Errorf("pulling chart %s: it holds no Helm chart", ref)
}
