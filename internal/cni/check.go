package cni

import (
	"io/fs"
	"maps"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/cniproof/cniproof/internal/strict"
)

// document is the shape of an entry's file.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec Spec `json:"spec"`
}

// parse reads an entry. fsys holds the files that it names; outside is false for
// built-in entries, which may name none.
func parse(file string, text []byte, fsys fs.FS, outside bool) (Entry, strict.Problems) {
	documents, problems := strict.Documents(file, text)
	if len(documents) == 0 {
		return Entry{}, problems
	}
	d := strict.NewDecoder(file)
	if len(documents) > 1 {
		d.Report(documents[1].Line, "", "a second document begins here: one file holds one CNI")
	}
	var doc document
	d.Document(documents[0], "", &doc)
	d.Shaped()
	e := Entry{Name: doc.Metadata.Name, Spec: doc.Spec}
	if outside {
		e.folder = fsys
	}
	c := checker{d, e}
	c.header(doc)
	c.spec()
	return e, append(problems, d.Problems...)
}

// checker reports what is wrong with the meaning of an entry.
type checker struct {
	*strict.Decoder
	e Entry
}

func (c checker) header(doc document) {
	if doc.APIVersion != APIVersion {
		c.Wrong("apiVersion", "must be %s, not %q", APIVersion, doc.APIVersion)
	}
	if doc.Kind != Kind {
		c.Wrong("kind", "must be %s, not %q", Kind, doc.Kind)
	}
	if doc.Metadata.Name == "" {
		c.Wrong("metadata.name", "is missing: write the stem of the file")
		return
	}
	c.Wrongs("metadata.name", validation.IsDNS1123Label(doc.Metadata.Name))
}

func (c checker) spec() {
	e := c.e
	c.required("spec.title", e.Title)
	if e.Manual == "" {
		c.required("spec.version", e.Version)
	}
	if !c.Lines.Has("spec.enforces") {
		c.Wrong("spec.enforces", "is missing: write false for a CNI without a policy engine, else true")
	}
	if e.Homepage != "" {
		c.link("spec.homepage", e.Homepage)
	}
	c.subnets()
	modes := []string{"", "iptables", "nftables", "ipvs", "none"}
	if mode := e.ClusterOptions.KubeProxyMode; !slices.Contains(modes, mode) {
		c.Wrong("spec.clusterOptions.kubeProxyMode", "%q must be iptables, nftables, ipvs or none", mode)
	}
	c.install()
	if len(e.Ready) == 0 {
		c.Wrong("spec.ready", "is missing: name the workloads that must be up, such as daemonset/kube-system/NAME")
	}
	if e.Agent.Kind != DaemonSet {
		c.Wrong("spec.agent", "must be the DaemonSet whose pods program the nodes: daemonset/NAMESPACE/NAME")
	}
	for i, image := range e.Images {
		c.image(strict.Index("spec.images", i), image)
	}
	for _, feature := range slices.Sorted(maps.Keys(e.Lacks)) {
		c.required(strict.Entry("spec.lacks", feature), e.Lacks[feature])
	}
	for i, dev := range e.Deviations {
		c.deviation(strict.Index("spec.deviations", i), dev)
	}
}

func (c checker) required(at, text string) {
	if strings.TrimSpace(text) == "" {
		c.Wrong(at, "is missing")
	}
}

func (c checker) link(at, text string) {
	if u, err := url.Parse(text); err != nil || u.Scheme != "https" || u.Host == "" {
		c.Wrong(at, "%q must be an https URL", text)
	}
}

func (c checker) subnets() {
	if c.e.PodSubnet == "" && c.e.PodSubnet6 == "" {
		c.Wrong("spec.podSubnet", "is missing: write podSubnet: 10.244.0.0/16 unless the CNI needs another")
	}
	for at, text := range map[string]string{"spec.podSubnet": c.e.PodSubnet, "spec.podSubnet6": c.e.PodSubnet6} {
		prefix, err := netip.ParsePrefix(text)
		if text == "" {
			continue
		}
		if err != nil || prefix != prefix.Masked() || prefix.Addr().Is4() != (at == "spec.podSubnet") {
			c.Wrong(at, "%q must be a subnet of its family, such as 10.244.0.0/16 or fd00:10:244::/56", text)
		}
	}
}

func (c checker) install() {
	elsewhere := c.e.ClusterOptions.DefaultCNI || c.e.Manual != ""
	if len(c.e.Install) == 0 && !elsewhere {
		c.Wrong("spec.install", "is missing: say under manual how to install a CNI that cannot be installed from here")
	} else if len(c.e.Install) > 0 && elsewhere {
		c.Wrong("spec.install", "cannot stand beside manual or clusterOptions.defaultCNI")
	}
	for i, s := range c.e.Install {
		c.step(strict.Index("spec.install", i), s)
	}
}

func (c checker) step(at string, s Step) {
	set := 0
	for _, is := range []bool{s.Manifest != nil, s.Chart != nil, s.Objects != "", s.File != ""} {
		if is {
			set++
		}
	}
	if set != 1 {
		c.Wrong(at, "must be exactly one of manifest, chart, objects and file")
	}
	if s.Manifest != nil {
		c.manifest(strict.Child(at, "manifest"), *s.Manifest)
	}
	if s.Chart != nil {
		c.chart(strict.Child(at, "chart"), *s.Chart)
	}
	if s.File != "" {
		c.file(strict.Child(at, "file"), s.File)
	}
	if s.Objects != "" {
		if _, err := decode([]byte(s.Objects)); err != nil {
			c.Wrong(strict.Child(at, "objects"), "%v", err)
		}
	}
}

func (c checker) file(at, file string) {
	if c.e.folder == nil {
		c.Wrong(at, "a built-in entry has no files beside it: use manifest, chart or objects")
	} else if _, err := fs.Stat(c.e.folder, path.Clean(file)); err != nil {
		c.Wrong(at, "%q is not beside the entry", file)
	}
}

var (
	hexSum = regexp.MustCompile(`^[0-9a-f]{64}$`)
	// moving are parts of a URL that mean something else tomorrow.
	moving = regexp.MustCompile(`(^|[/:])(latest|master|main|stable|HEAD)(/|$)`)
)

func (c checker) manifest(at string, m Manifest) {
	c.download(strict.Child(at, "url"), m.URL, m.SHA256)
	c.sum(strict.Child(at, "sha256"), m.SHA256)
	for _, image := range slices.Sorted(maps.Keys(m.SetImages)) {
		path := strict.Entry(strict.Child(at, "setImages"), image)
		if _, err := name.NewRepository(image); err != nil {
			c.Wrong(path, "must be the name of an image without a tag")
			continue
		}
		c.image(path, image+":"+m.SetImages[image])
	}
}

// download checks a URL: what has no checksum must at least come from whom it says.
func (c checker) download(at, text, sum string) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		c.Wrong(at, "is missing")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "oci":
		c.Wrong(at, "%q must be an https URL", text)
	case u.Scheme == "http" && sum == "":
		c.Wrong(at, "%q needs a sha256, because http does not say who answers", text)
	case moving.MatchString(u.Path):
		c.Wrong(at, "%q moves: name a release", text)
	}
}

func (c checker) sum(at, text string) {
	if text != "" && !hexSum.MatchString(text) {
		c.Wrong(at, "%q must be a SHA-256, 64 digits in lower-case hexadecimal", text)
	}
}

func (c checker) chart(at string, chart Chart) {
	c.download(strict.Child(at, "repository"), chart.Repository, chart.SHA256)
	c.sum(strict.Child(at, "sha256"), chart.SHA256)
	for field, text := range map[string]string{"name": chart.Name, "version": chart.Version, "release": chart.Release, "namespace": chart.Namespace} {
		c.required(strict.Child(at, field), text)
	}
	if strings.ContainsAny(chart.Version, "*^~<>| ") {
		c.Wrong(strict.Child(at, "version"), "%q is a range: name one version", chart.Version)
	}
}

func (c checker) image(at, image string) {
	ref, err := name.ParseReference(image, name.WithDefaultTag(""))
	if err != nil {
		c.Wrong(at, "%q is no name of an image: %v", image, err)
		return
	}
	if id := ref.Identifier(); id == "" || id == "latest" {
		c.Wrong(at, "%q is not pinned: add a tag other than latest, or a digest", image)
	}
	if _, after, _ := strings.Cut(image, "/"); after == "" || !strings.ContainsAny(strings.Split(image, "/")[0], ".:") {
		c.Wrong(at, "%q leaves the registry to the node: write it, such as docker.io/%s", image, image)
	}
}

func (c checker) deviation(at string, dev Deviation) {
	if len(dev.Scenarios) == 0 {
		c.Wrong(strict.Child(at, "scenarios"), "is missing: name the scenarios that show it")
	}
	c.required(strict.Child(at, "summary"), dev.Summary)
	c.link(strict.Child(at, "link"), dev.Link)
}
