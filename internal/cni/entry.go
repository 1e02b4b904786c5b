// Package cni is the catalog of network plugins: where each comes from, how it is
// installed, restarted and recognised, what it claims, and how it is known to deviate.
//
// Goals: a CNI is one YAML file; nothing is installed that was not pinned; every
// mistake of an entry is reported at once.
// Non-goals: judging a CNI. It must not import scenarios, oracle, judge or report;
// that the scenarios which an entry names exist is a test of the command line.
package cni

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cniproof/cniproof/internal/fetch"
	"github.com/cniproof/cniproof/internal/strict"
)

// What an entry begins with.
const (
	APIVersion = "cniproof.dev/v1"
	Kind       = "CNI"
)

// Entry is one CNI of the catalog.
type Entry struct {
	// Name is the stem of the entry's file.
	Name string `json:"name"`
	Spec

	// folder holds the files that steps name; nil for a built-in entry.
	folder fs.FS
}

// Spec is what an entry's file says.
type Spec struct {
	Title string `json:"title"`
	// Version may be missing only where Manual is set.
	Version  string `json:"version,omitempty"`
	Homepage string `json:"homepage,omitempty"`
	// Note is for whoever wonders whether to use it.
	Note string `json:"note,omitempty"`
	// Ran says with which version on which Kubernetes and when the project last ran
	// this entry itself; "" for an entry that was validated only.
	Ran string `json:"ran,omitempty"`
	// Enforces is false for a control: a CNI without a policy engine.
	Enforces bool `json:"enforces"`
	// VariantOf is the entry that has the same agent in another configuration, which
	// cannot be told apart on a running cluster.
	VariantOf string `json:"variantOf,omitempty"`
	// Install is done in this order.
	Install []Step `json:"install,omitempty"`
	// Manual says how to install a CNI that cannot be installed from here; such a one
	// can be tested on an existing cluster.
	Manual string `json:"manual,omitempty"`
	// PodSubnet is what the cluster's pods get their addresses from, PodSubnet6 the
	// same for IPv6; "" where the entry does not work so.
	PodSubnet  string `json:"podSubnet"`
	PodSubnet6 string `json:"podSubnet6,omitempty"`
	// ClusterOptions are what a cluster has to be made with.
	ClusterOptions ClusterOptions `json:"clusterOptions,omitzero"`
	// Ready are the workloads that must be up before the CNI is.
	Ready []Workload `json:"ready"`
	// Agent is what is restarted, and what the CNI is recognised by.
	Agent Workload `json:"agent"`
	// AlsoAgent are other places where other installations have the agent.
	AlsoAgent []Workload `json:"alsoAgent,omitempty"`
	// Images are all images that the installation names.
	Images []string `json:"images,omitempty"`
	// Lacks are features of scenarios that the CNI does not claim, with the reason.
	Lacks map[string]string `json:"lacks,omitempty"`
	// Deviations are the known ones.
	Deviations []Deviation `json:"deviations,omitempty"`
}

// ClusterOptions are what a CNI needs of the cluster that is made for it.
type ClusterOptions struct {
	// KubeProxyMode is iptables, nftables, ipvs or none; "" leaves it to kind.
	KubeProxyMode string `json:"kubeProxyMode,omitempty"`
	// DefaultCNI leaves kind's own CNI on, because it is the one under test.
	DefaultCNI bool `json:"defaultCNI,omitempty"`
}

// Step is one step of an installation: exactly one of its fields is set.
type Step struct {
	Manifest *Manifest `json:"manifest,omitempty"`
	Chart    *Chart    `json:"chart,omitempty"`
	// Objects are YAML documents. ${podSubnet} in them stands for the subnets of the
	// families that the cluster's nodes have, separated by commas.
	Objects string `json:"objects,omitempty"`
	// File is beside the entry: for entries that are not built in.
	File string `json:"file,omitempty"`
}

// Manifest is YAML documents at a URL.
type Manifest struct {
	URL    string `json:"url"`
	SHA256 string `json:"sha256,omitempty"`
	// SetImages are tags for images by their name without one.
	SetImages map[string]string `json:"setImages,omitempty"`
}

// Chart is a Helm chart. It is rendered here and applied like any manifest: nothing
// of Helm stays in the cluster.
type Chart struct {
	Repository string `json:"repository"` // an https or oci URL
	Name       string `json:"name"`
	Version    string `json:"version"`
	SHA256     string `json:"sha256,omitempty"`
	Release    string `json:"release"`
	Namespace  string `json:"namespace"`
	Values     Values `json:"values,omitempty"`
	// ValuesIPv6 are laid over Values where the cluster's nodes have an IPv6 pod CIDR.
	ValuesIPv6 Values `json:"valuesIPv6,omitempty"`
}

// Values are a chart's values, of any shape.
type Values map[string]any

// DecodeYAML takes any map.
func (v *Values) DecodeYAML(d *strict.Decoder, n *yaml.Node, path string) {
	if n.Kind != yaml.MappingNode {
		d.ReportAt(path, "must be a map, not %s", strict.Describe(n))
		return
	}
	values := map[string]any{}
	if err := n.Decode(&values); err != nil {
		d.ReportAt(path, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	*v = values
}

// Deviation is a way in which the CNI is known not to do what scenarios demand.
type Deviation struct {
	// Scenarios that show it, by name.
	Scenarios []string `json:"scenarios"`
	// Flows of those scenarios that show it, as flow lines; none stands for all.
	Flows   []string `json:"flows,omitempty"`
	Summary string   `json:"summary"`
	// Link leads to where the CNI's own project says so.
	Link string `json:"link"`
	// Confirmed says which run showed it: "Cilium 1.20.2 on Kubernetes 1.36, 2026-11-20".
	// "" is hearsay, which explains no result.
	Confirmed string `json:"confirmed,omitempty"`
}

// Workload names a DaemonSet or a Deployment.
type Workload struct{ Kind, Namespace, Name string }

// The kinds of workload.
const (
	DaemonSet  = "daemonset"
	Deployment = "deployment"
)

// String is "daemonset/NAMESPACE/NAME", "" for none.
func (w Workload) String() string {
	if w == (Workload{}) {
		return ""
	}
	return w.Kind + "/" + w.Namespace + "/" + w.Name
}

// MarshalText is String.
func (w Workload) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// DecodeYAML reads what String writes.
func (w *Workload) DecodeYAML(d *strict.Decoder, n *yaml.Node, path string) {
	text, ok := d.Text(n, path)
	if !ok {
		return
	}
	parsed, err := parseWorkload(text)
	if err != nil {
		d.ReportAt(path, "%v", err)
	}
	*w = parsed
}

func parseWorkload(text string) (Workload, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 || parts[1] == "" || parts[2] == "" || parts[0] != DaemonSet && parts[0] != Deployment {
		return Workload{}, fmt.Errorf("%q must be daemonset/NAMESPACE/NAME or deployment/NAMESPACE/NAME", text)
	}
	return Workload{parts[0], parts[1], parts[2]}, nil
}

// How says in a word or two how the CNI is installed.
func (e Entry) How() string {
	switch {
	case e.ClusterOptions.DefaultCNI:
		return "kind's own"
	case e.Manual != "":
		return "by hand"
	}
	var words []string
	for _, s := range e.Install {
		if word := s.kind(); !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

func (s Step) kind() string {
	switch {
	case s.Manifest != nil:
		return "manifest"
	case s.Chart != nil:
		return "chart"
	case s.File != "":
		return "file"
	}
	return "objects"
}

// Downloads are what the installation fetches.
func (e Entry) Downloads() []fetch.Item {
	var list []fetch.Item
	for _, s := range e.Install {
		if item, ok := s.download(); ok {
			list = append(list, item)
		}
	}
	return list
}

func (s Step) download() (fetch.Item, bool) {
	switch {
	case s.Manifest != nil:
		return fetch.Item{URL: s.Manifest.URL, SHA256: s.Manifest.SHA256}, true
	case s.Chart != nil:
		c := s.Chart
		return fetch.Item{Chart: fetch.Chart{Repository: c.Repository, Name: c.Name, Version: c.Version}, SHA256: c.SHA256}, true
	}
	return fetch.Item{}, false
}

// Pinned says how firmly the installation is pinned: by checksum, by version with a
// lock in the mirror, or, where nothing is fetched, by what the entry holds. "-" is
// for what is not installed from here.
func (e Entry) Pinned() string {
	word := "inline"
	if len(e.Install) == 0 {
		word = "-"
	}
	for _, item := range e.Downloads() {
		if item.SHA256 == "" {
			return "version"
		}
		word = "sha256"
	}
	return word
}
