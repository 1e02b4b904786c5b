package cni_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/cni"
	"github.com/cniproof/cniproof/internal/fetch"
)

// standIns answers for every server of the internet with manifests and charts that
// hold no more than what an entry says of the real ones.
type standIns struct {
	t     *testing.T
	entry cni.Entry
}

func (s standIns) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := "https://" + r.Header.Get("X-Host") + r.URL.Path
	for _, step := range s.entry.Install {
		switch {
		case step.Manifest != nil:
			if step.Manifest.URL == at {
				_, _ = w.Write(s.manifest(step.Manifest))
				return
			}
		case step.Chart != nil && at == step.Chart.Repository+"/index.yaml":
			_, _ = fmt.Fprintf(w, "entries:\n  %s:\n  - {version: %s, urls: [chart.tgz]}\n", step.Chart.Name, step.Chart.Version)
			return
		case step.Chart != nil && at == step.Chart.Repository+"/chart.tgz":
			_, _ = w.Write(s.chart(step.Chart))
			return
		}
	}
	http.NotFound(w, r)
}

// manifest holds the workloads that the entry waits for, with its images as they
// were before it set their tags.
func (s standIns) manifest(m *cni.Manifest) []byte {
	if strings.HasSuffix(m.URL, "crds.yaml") {
		return []byte("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: installations.operator.tigera.io}\n" +
			"spec: {group: operator.tigera.io, scope: Cluster, names: {plural: installations, singular: installation, kind: Installation},\n" +
			"  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}\n")
	}
	return []byte(s.workloads(m.SetImages))
}

func (s standIns) workloads(untagged map[string]string) string {
	var text strings.Builder
	for i, w := range s.entry.Ready {
		containers := ""
		for n, image := range s.entry.Images {
			for name := range untagged {
				if strings.HasPrefix(image, name+":") {
					image = name + ":latest"
				}
			}
			if i == 0 || n == 0 {
				containers += fmt.Sprintf("{name: c%d, image: '%s'}, ", n, image)
			}
		}
		kind := map[string]string{cni.DaemonSet: "DaemonSet", cni.Deployment: "Deployment"}[w.Kind]
		fmt.Fprintf(&text, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: %[1]s}\n---\napiVersion: apps/v1\nkind: %[2]s\nmetadata: {name: %[3]s, namespace: %[1]s}\n"+
			"spec: {selector: {matchLabels: {app: %[3]s}}, template: {metadata: {labels: {app: %[3]s}}, spec: {containers: [%[4]s]}}}\n",
			w.Namespace, kind, w.Name, containers)
	}
	return text.String()
}

func (s standIns) chart(c *cni.Chart) []byte {
	files := map[string]string{
		"Chart.yaml":        fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", c.Name, c.Version),
		"templates/it.yaml": s.workloads(nil),
	}
	return archive(s.t, files)
}

// client sends every request to the stand-ins.
func (s standIns) client(t *testing.T) *http.Client {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	local, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		there := r.Clone(r.Context())
		there.Header.Set("X-Host", r.URL.Host)
		there.URL.Scheme, there.URL.Host = local.Scheme, local.Host
		return http.DefaultTransport.RoundTrip(there)
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Every entry of the catalog installs what it waits for, under the names by which it
// waits for it; and where it pins a checksum, a stand-in is refused.
func TestEveryEntryInstalls(t *testing.T) {
	for _, e := range catalog(t) {
		t.Run(e.Name, func(t *testing.T) {
			api := newAPIServer(t, "10.244.0.0/24")
			stand := standIns{t, e}
			source := fetch.HTTP{Client: stand.client(t)}
			err := cni.Install(t.Context(), api.config(), e, source, quiet)
			switch {
			case e.Manual != "":
				if err == nil || !strings.Contains(err.Error(), "--cluster existing") {
					t.Errorf("error %v does not say what to do", err)
				}
				return
			case e.Pinned() == "sha256":
				var wrong *fetch.ChecksumError
				if !errors.As(err, &wrong) || len(api.applied) > 0 {
					t.Fatalf("a stand-in passed for the real manifest: error %v, applied %q", err, api.applied)
				}
				unpin(&e)
				err = cni.Install(t.Context(), api.config(), e, source, quiet)
			}
			if err != nil {
				t.Fatal(err)
			}
			if e.ClusterOptions.DefaultCNI {
				return
			}
			for _, w := range append(e.Ready, e.Agent) {
				if api.object("/apis/apps/v1/namespaces/"+w.Namespace+"/"+w.Kind+"s/"+w.Name) == nil {
					t.Errorf("it waits for %s, which it does not install: %q", w, api.applied)
				}
			}
			images, err := e.AllImages(t.Context(), source)
			if err != nil || !slices.Equal(images, e.Images) {
				t.Errorf("images %q, not those that it lists, %q; error %v", images, e.Images, err)
			}
		})
	}
}

func unpin(e *cni.Entry) {
	e.Install = slices.Clone(e.Install)
	for i, s := range e.Install {
		if s.Manifest != nil {
			m := *s.Manifest
			m.SHA256 = ""
			e.Install[i].Manifest = &m
		}
	}
}
