package cni_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/cni"
)

func catalog(t *testing.T, overlays ...fs.FS) cni.Catalog {
	t.Helper()
	c, err := cni.Load(overlays...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every entry says enough of itself to be installed, recognised and understood.
func TestBuiltin(t *testing.T) {
	c := catalog(t)
	for _, name := range []string{
		"none", "flannel", "calico", "calico-nftables", "canal", "cilium", "weave", "antrea", "kube-router", "kindnet", "ovn-kubernetes",
	} {
		if !slices.Contains(c.Names(), name) {
			t.Errorf("the catalog has no %s", name)
		}
	}
	for _, e := range c {
		if e.Homepage == "" {
			t.Errorf("%s: no homepage", e.Name)
		}
		if len(e.Images) == 0 && !e.ClusterOptions.DefaultCNI && e.Manual == "" {
			t.Errorf("%s: no images: nothing could be put into a mirror", e.Name)
		}
		if !e.Enforces && e.Note == "" {
			t.Errorf("%s: a control must say in its note what it is", e.Name)
		}
	}
}

func TestGet(t *testing.T) {
	c := catalog(t)
	if e, err := c.Get("calico"); err != nil || e.Name != "calico" || !strings.HasPrefix(e.Version, "v") {
		t.Errorf("%+v, error %v", e, err)
	}
	if _, err := c.Get("callico"); err == nil || !strings.Contains(err.Error(), `did you mean "calico"?`) {
		t.Errorf("error %v suggests nothing", err)
	}
}

// A build of one's own deviates as the CNI does, unless its entry says that it does not.
func TestOverlayKeepsWhatIsKnown(t *testing.T) {
	builtin, err := catalog(t).Get("cilium")
	if err != nil || len(builtin.Deviations) == 0 {
		t.Fatalf("%d deviations, error %v", len(builtin.Deviations), err)
	}
	own := strings.NewReplacer("{name: calico}", "{name: cilium}", "- file: calico-objects.yaml", "- objects: '{apiVersion: v1, kind: Namespace, metadata: {name: a}}'").Replace(small)
	for text, want := range map[string]int{own: len(builtin.Deviations), own + "  deviations: []\n": 0} {
		e, err := catalog(t, fstest.MapFS{"cilium.yaml": {Data: []byte(text)}}).Get("cilium")
		if err != nil || e.Title != "Ours" || len(e.Deviations) != want {
			t.Errorf("%d deviations, want %d, error %v", len(e.Deviations), want, err)
		}
	}
}

const small = `apiVersion: cniproof.dev/v1
kind: CNI
metadata: {name: calico}
spec:
  title: Ours
  version: v0.1
  enforces: true
  install:
  - file: calico-objects.yaml
  podSubnet: 10.1.0.0/16
  ready: [daemonset/kube-system/ours]
  agent: daemonset/kube-system/ours
`

func TestOverlayReplaces(t *testing.T) {
	overlay := fstest.MapFS{
		"calico.yaml":         {Data: []byte(small)},
		"calico-objects.yaml": {Data: []byte("kind: ConfigMap")},
	}
	c := catalog(t, nil, overlay)
	e, err := c.Get("calico")
	if err != nil || e.Title != "Ours" || e.Version != "v0.1" {
		t.Errorf("%+v, error %v", e, err)
	}
	if want := catalog(t).Names(); !slices.Equal(c.Names(), want) {
		t.Errorf("names %q, want %q", c.Names(), want)
	}
}

// Every mistake of a file is reported, each with its line.
func TestMistakes(t *testing.T) {
	files := fstest.MapFS{"mine.yaml": {Data: []byte(`apiVersion: cniproof.dev/v1
kind: CNI
metadata: {name: other}
spec:
  title: Mine
  enforce: true
  install:
  - manifest:
      url: http://example.com/latest/cni.yaml
      sha256: ABC
      setImages: {"docker.io/a/b:1": "2"}
    objects: "x"
  - chart: {repository: https://example.com, name: mine, version: ">1", release: mine}
  - file: gone.yaml
  - objects: |
      kind: ConfigMap
  podSubnet: 10.244.1.1/16
  podSubnet6: 10.0.0.0/8
  clusterOptions: {kubeProxyMode: iptable}
  ready: [statefulset/a/b]
  agent: deployment/kube-system/mine
  images: [busybox, docker.io/library/busybox:latest, quay.io/a/b:1]
  lacks: {sctp: ""}
  deviations:
  - {summary: "", link: "http://example.com"}
`)}}
	_, err := cni.Load(files)
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		`mine.yaml:4: spec.version: is missing`,
		`mine.yaml:4: spec.enforces: is missing: write false for a CNI without a policy engine, else true`,
		`mine.yaml:6: spec.enforce: unknown field "enforce": did you mean "enforces"?`,
		`mine.yaml:8: spec.install[0]: must be exactly one of manifest, chart, objects and file`,
		`mine.yaml:9: spec.install[0].manifest.url: "http://example.com/latest/cni.yaml" moves: name a release`,
		`mine.yaml:10: spec.install[0].manifest.sha256: "ABC" must be a SHA-256, 64 digits in lower-case hexadecimal`,
		`mine.yaml:11: spec.install[0].manifest.setImages[docker.io/a/b:1]: must be the name of an image without a tag`,
		`mine.yaml:12: spec.install[0].objects: document 1: is no object, which is a map with apiVersion and kind`,
		`mine.yaml:13: spec.install[1].chart.namespace: is missing`,
		`mine.yaml:13: spec.install[1].chart.version: ">1" is a range: name one version`,
		`mine.yaml:14: spec.install[2].file: "gone.yaml" is not beside the entry`,
		`mine.yaml:15: spec.install[3].objects: document 1: is no object, which is a map with apiVersion and kind`,
		`mine.yaml:17: spec.podSubnet: "10.244.1.1/16" must be a subnet of its family, such as 10.244.0.0/16 or fd00:10:244::/56`,
		`mine.yaml:18: spec.podSubnet6: "10.0.0.0/8" must be a subnet of its family, such as 10.244.0.0/16 or fd00:10:244::/56`,
		`mine.yaml:19: spec.clusterOptions.kubeProxyMode: "iptable" must be iptables, nftables, ipvs or none`,
		`mine.yaml:20: spec.ready[0]: "statefulset/a/b" must be daemonset/NAMESPACE/NAME or deployment/NAMESPACE/NAME`,
		`mine.yaml:21: spec.agent: must be the DaemonSet whose pods program the nodes: daemonset/NAMESPACE/NAME`,
		`mine.yaml:22: spec.images[0]: "busybox" is not pinned: add a tag other than latest, or a digest`,
		`mine.yaml:22: spec.images[0]: "busybox" leaves the registry to the node: write it, such as docker.io/busybox`,
		`mine.yaml:22: spec.images[1]: "docker.io/library/busybox:latest" is not pinned: add a tag other than latest, or a digest`,
		`mine.yaml:23: spec.lacks[sctp]: is missing`,
		`mine.yaml:25: spec.deviations[0].link: "http://example.com" must be an https URL`,
		`mine.yaml:25: spec.deviations[0].scenarios: is missing: name the scenarios that show it`,
		`mine.yaml:25: spec.deviations[0].summary: is missing`,
	}
	have := strings.Split(err.Error(), "\n")
	slices.Sort(have)
	slices.Sort(want)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

func TestStrayFile(t *testing.T) {
	_, err := cni.Load(fstest.MapFS{"stray.yaml": {Data: []byte("kind: Cni")}})
	if err == nil || err.Error() != "stray.yaml: is no entry (kind: CNI), and no entry names it" {
		t.Errorf("error %v", err)
	}
}

func TestNameIsStem(t *testing.T) {
	_, err := cni.Load(fstest.MapFS{"mine.yaml": {Data: []byte(strings.Replace(small, "calico-objects.yaml", "mine.yaml", 1))}})
	if err == nil || !strings.Contains(err.Error(), "the two must be alike") {
		t.Errorf("error %v", err)
	}
}
