package fetch_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/cniproof/cniproof/internal/fetch"
)

func TestFile(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/cni.yaml" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("content"))
	}))
	defer s.Close()
	right := fetch.Item{URL: s.URL + "/cni.yaml", SHA256: fetch.Sum([]byte("content"))}
	if content, err := (fetch.HTTP{}).Fetch(t.Context(), right); string(content) != "content" || err != nil {
		t.Errorf("%q, error %v", content, err)
	}
	wrong := right
	wrong.SHA256 = fetch.Sum([]byte("other"))
	_, err := (fetch.HTTP{}).Fetch(t.Context(), wrong)
	var mismatch *fetch.ChecksumError
	if !errors.As(err, &mismatch) || mismatch.Have != right.SHA256 || mismatch.Want != wrong.SHA256 {
		t.Errorf("error %v", err)
	}
	if _, err := (fetch.HTTP{}).Fetch(t.Context(), fetch.Item{URL: s.URL + "/gone"}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("error %v", err)
	}
	s.Close()
	if _, err := (fetch.HTTP{}).Fetch(t.Context(), right); err == nil || !strings.Contains(err.Error(), "mirror pull") {
		t.Errorf("error %v does not say what a host without access can do", err)
	}
}

// An index may name archives anywhere, by whole or relative URLs.
func TestChart(t *testing.T) {
	var index string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/charts/index.yaml":
			_, _ = w.Write([]byte(index))
		case "/charts/a/mine.tgz", "/elsewhere.tgz":
			_, _ = w.Write([]byte(r.URL.Path))
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	item := fetch.Item{Chart: fetch.Chart{Repository: s.URL + "/charts", Name: "mine", Version: "1.0.0"}}
	if item.Key() != s.URL+"/charts/mine-1.0.0.tgz" {
		t.Errorf("key %s", item.Key())
	}
	for index2, want := range map[string]string{
		"entries: {mine: [{version: 2.0.0, urls: [b.tgz]}, {version: 1.0.0, urls: [a/mine.tgz]}]}": "/charts/a/mine.tgz",
		"entries: {mine: [{version: 1.0.0, urls: ['" + s.URL + "/elsewhere.tgz']}]}":               "/elsewhere.tgz",
	} {
		index = index2
		if content, err := (fetch.HTTP{}).Fetch(t.Context(), item); string(content) != want || err != nil {
			t.Errorf("%q, error %v, want %q", content, err, want)
		}
	}
	for _, index = range []string{"entries: {mine: [{version: 2.0.0, urls: [b.tgz]}]}", "entries: {mine: [{version: 1.0.0}]}", "a: ["} {
		if _, err := (fetch.HTTP{}).Fetch(t.Context(), item); err == nil || !strings.Contains(err.Error(), "mine 1.0.0") {
			t.Errorf("%s: error %v", index, err)
		}
	}
}

func TestChartInARegistry(t *testing.T) {
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	layer := static.NewLayer([]byte("an archive"), "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
	chart, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	none, err := random.Image(10, 1)
	if err != nil {
		t.Fatal(err)
	}
	for path, image := range map[string]v1.Image{"/charts/mine:1.0.0": chart, "/charts/none:1.0.0": none} {
		ref, err := name.ParseReference(host + path)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, image); err != nil {
			t.Fatal(err)
		}
	}
	item := fetch.Item{Chart: fetch.Chart{Repository: "oci://" + host + "/charts", Name: "mine", Version: "1.0.0"}}
	if content, err := (fetch.HTTP{}).Fetch(t.Context(), item); string(content) != "an archive" || err != nil {
		t.Errorf("%q, error %v", content, err)
	}
	item.Chart.Name = "none"
	if _, err := (fetch.HTTP{}).Fetch(t.Context(), item); err == nil || !strings.Contains(err.Error(), "holds no Helm chart") {
		t.Errorf("error %v", err)
	}
	item.Chart.Name = "gone"
	if _, err := (fetch.HTTP{}).Fetch(t.Context(), item); err == nil || !strings.Contains(err.Error(), "gone:1.0.0") {
		t.Errorf("error %v", err)
	}
}
