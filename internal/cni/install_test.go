package cni_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cniproof/cniproof/internal/cni"
	"github.com/cniproof/cniproof/internal/fetch"
)

// serve serves files over HTTPS, and returns how to fetch them.
func serve(t *testing.T, files map[string][]byte) (url string, source fetch.HTTP) {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(s.Close)
	return s.URL, fetch.HTTP{Client: s.Client()}
}

// entry reads an entry that stands alone.
func entry(t *testing.T, install string) cni.Entry {
	t.Helper()
	text := strings.Replace(small, "  - file: calico-objects.yaml\n", install, 1)
	e, err := catalog(t, fstest.MapFS{"calico.yaml": {Data: []byte(text)}}).Get("calico")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func quiet(string) {}

// The parts of a manifest arrive in an order that an API server accepts, whatever
// their own is.
const manifest = `# a comment only
---
apiVersion: mine.example.com/v1
kind: Widget
metadata: {name: default}
spec: {size: 10000000, port: "80"}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: settings, namespace: mine}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: nowhere}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.mine.example.com}
spec:
  group: mine.example.com
  scope: Cluster
  names: {plural: widgets, kind: Widget}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ours, namespace: mine}
spec:
  template:
    spec:
      initContainers:
      - {name: setup, image: example.com/setup}
      containers:
      - {name: agent, image: "example.com/agent:latest", futureField: 1}
      - {name: other, image: "example.com/other:v1"}
---
apiVersion: v1
kind: Namespace
metadata: {name: mine}
`

func TestInstallManifest(t *testing.T) {
	url, source := serve(t, map[string][]byte{"/v1/cni.yaml": []byte(manifest)})
	e := entry(t, `  - manifest:
      url: `+url+`/v1/cni.yaml
      sha256: `+fetch.Sum([]byte(manifest))+`
      setImages: {example.com/agent: v1.2, example.com/setup: v1.2}
  - objects: |
      apiVersion: mine.example.com/v1
      kind: Widget
      metadata: {name: second}
      spec: {subnet: "${podSubnet}"}
`)
	api := newAPIServer(t, "10.1.0.0/24")
	for range 2 { // installing again is the same
		if err := cni.Install(t.Context(), api.config(), e, source, quiet); err != nil {
			t.Fatal(err)
		}
	}
	once := []string{
		"namespace mine", "customresourcedefinition widgets.mine.example.com",
		"widget default", "configmap settings", "configmap nowhere", "daemonset ours", "widget second",
	}
	if diff := cmp.Diff(append(once, once...), api.applied); diff != "" {
		t.Error(diff)
	}
	ds := api.object("/apis/apps/v1/namespaces/mine/daemonsets/ours")
	if have, want := containers(ds), []string{"setup example.com/setup:v1.2", "agent example.com/agent:v1.2", "other example.com/other:v1"}; !slices.Equal(have, want) {
		t.Errorf("containers %q, want %q", have, want)
	}
	list, _, _ := unstructured.NestedSlice(ds.Object, "spec", "template", "spec", "containers")
	if list[0].(map[string]any)["futureField"] == nil {
		t.Error("a field that this version of the API does not know was lost")
	}
	if api.object("/api/v1/namespaces/default/configmaps/nowhere") == nil {
		t.Error("an object without a namespace is not in default")
	}
	widget := api.object("/apis/mine.example.com/v1/widgets/second")
	if subnet, _, _ := unstructured.NestedString(widget.Object, "spec", "subnet"); subnet != "10.1.0.0/16" {
		t.Errorf("subnet %q", subnet)
	}
}

func containers(o *unstructured.Unstructured) []string {
	var all []string
	for _, field := range []string{"initContainers", "containers"} {
		list, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", field)
		for _, item := range list {
			c := item.(map[string]any)
			all = append(all, c["name"].(string)+" "+c["image"].(string))
		}
	}
	return all
}

// Nothing of a download that is not what was pinned reaches the cluster.
func TestInstallRefuses(t *testing.T) {
	url, source := serve(t, map[string][]byte{"/v1/cni.yaml": []byte(manifest), "/v1/index.yaml": []byte("entries: {}")})
	tests := map[string]struct{ install, want string }{
		"wrong checksum":  {"  - manifest: {url: " + url + "/v1/cni.yaml, sha256: " + fetch.Sum([]byte("other")) + "}\n", "what is served there is not what was pinned"},
		"not there":       {"  - manifest: {url: " + url + "/v1/gone.yaml}\n", "404"},
		"image not there": {"  - manifest: {url: " + url + "/v1/cni.yaml, setImages: {example.com/gone: v1}}\n", `no container has the image "example.com/gone"`},
		"unknown kind":    {"  - objects: |\n      {apiVersion: no.example.com/v1, kind: Gadget, metadata: {name: a}}\n", "no matches for kind"},
		"no such chart":   {"  - chart: {repository: " + url + "/v1, name: a, version: 1.0.0, release: a, namespace: a}\n", "has no such chart"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			api := newAPIServer(t)
			err := cni.Install(t.Context(), api.config(), entry(t, test.install), source, quiet)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if len(api.applied) > 0 {
				t.Errorf("%q was applied", api.applied)
			}
			var wrong *fetch.ChecksumError
			if errors.As(err, &wrong) != (name == "wrong checksum") {
				t.Errorf("error is %T", err)
			}
		})
	}
}

// An API server that is not quite up yet is waited for.
func TestInstallIsPatient(t *testing.T) {
	api := newAPIServer(t)
	api.busy = 3
	if err := cni.Install(t.Context(), api.config(), ours(t), nil, quiet); err != nil || len(api.applied) != 1 || api.busy != 0 {
		t.Errorf("applied %q, %d left, error %v", api.applied, api.busy, err)
	}
}

// archive packs a chart.
func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err := w.WriteHeader(&tar.Header{Name: "mine/" + name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func chartFiles() map[string]string {
	return map[string]string{
		"Chart.yaml":              "apiVersion: v2\nname: mine\nversion: 1.0.0\n",
		"values.yaml":             "image: example.com/agent:v1\nipv6: {enabled: false}\nmtu: 1400\n",
		"crds/widget.yaml":        manifest[strings.Index(manifest, "apiVersion: apiext"):strings.Index(manifest, "---\napiVersion: apps")],
		"templates/NOTES.txt":     "Thank you.",
		"templates/_helpers.tpl":  `{{ define "six" }}{{ .Values.ipv6.enabled }}{{ end }}`,
		"templates/widget.yaml":   "apiVersion: mine.example.com/v1\nkind: Widget\nmetadata: {name: default}\n",
		"templates/config.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  ipv6: \"{{ template \"six\" . }}\"\n  mtu: \"{{ .Values.mtu }}\"\n  kubernetes: {{ .Capabilities.KubeVersion.Version }}\n  apps: \"{{ .Capabilities.APIVersions.Has \"apps/v1/DaemonSet\" }}\"\n",
		"templates/pre.yaml":      "apiVersion: v1\nkind: Secret\nmetadata: {name: first, annotations: {helm.sh/hook: pre-install}}\n",
		"templates/after.yaml":    "apiVersion: v1\nkind: Secret\nmetadata: {name: last, annotations: {helm.sh/hook: 'post-install,post-upgrade'}}\n",
		"templates/tests/a.yaml":  "apiVersion: v1\nkind: Secret\nmetadata: {name: tested, annotations: {helm.sh/hook: test}}\n",
		"templates/optional.yaml": "{{ if .Values.never }}\nkind: Nothing\n{{ end }}\n",
		"templates/ds.yaml":       "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: ours, namespace: '{{ .Release.Namespace }}'}\nspec: {template: {spec: {containers: [{name: agent, image: '{{ .Values.image }}'}]}}}\n",
	}
}

const chartStep = `  - chart:
      repository: URL/charts
      name: mine
      version: 1.0.0
      release: mine
      namespace: fresh
      values: {mtu: 1300}
      valuesIPv6: {ipv6: {enabled: true}}
`

func TestInstallChart(t *testing.T) {
	files := map[string][]byte{"/charts/index.yaml": []byte("entries:\n  mine:\n  - {version: 0.9.0, urls: [old.tgz]}\n  - {version: 1.0.0, urls: [files/mine.tgz]}\n")}
	files["/charts/files/mine.tgz"] = archive(t, chartFiles())
	url, source := serve(t, files)
	e := entry(t, strings.Replace(chartStep, "URL", url, 1))
	for cidr, six := range map[string]string{"10.1.0.0/24": "false", "fd00::/64": "true"} {
		api := newAPIServer(t, cidr)
		if err := cni.Install(t.Context(), api.config(), e, source, quiet); err != nil {
			t.Fatal(err)
		}
		want := []string{"namespace fresh", "customresourcedefinition widgets.mine.example.com", "secret first", "configmap settings", "daemonset ours", "widget default", "secret last"}
		if diff := cmp.Diff(want, api.applied); diff != "" {
			t.Errorf("%s: %s", cidr, diff)
		}
		settings := api.object("/api/v1/namespaces/fresh/configmaps/settings")
		if settings == nil {
			t.Fatal("the chart's objects are not in its namespace")
		}
		have, _, _ := unstructured.NestedStringMap(settings.Object, "data")
		if diff := cmp.Diff(map[string]string{"ipv6": six, "mtu": "1300", "kubernetes": "v1.36.3", "apps": "true"}, have); diff != "" {
			t.Errorf("%s: %s", cidr, diff)
		}
	}
	images, err := e.AllImages(t.Context(), source)
	if err != nil || !slices.Equal(images, []string{"example.com/agent:v1"}) {
		t.Errorf("images %q, error %v", images, err)
	}
}

func TestChartIsNotTheOneNamed(t *testing.T) {
	other := chartFiles()
	other["Chart.yaml"] = "apiVersion: v2\nname: mine\nversion: 1.0.1\n"
	url, source := serve(t, map[string][]byte{
		"/charts/index.yaml": []byte("entries:\n  mine:\n  - {version: 1.0.0, urls: [mine.tgz]}\n"),
		"/charts/mine.tgz":   archive(t, other),
	})
	api := newAPIServer(t)
	err := cni.Install(t.Context(), api.config(), entry(t, strings.Replace(chartStep, "URL", url, 1)), source, quiet)
	if err == nil || !strings.Contains(err.Error(), "the archive holds mine 1.0.1") {
		t.Errorf("error %v", err)
	}
}
