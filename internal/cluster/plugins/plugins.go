// Package plugins turns entries of the catalog into what providers install, recognise
// and restart.
package plugins

import (
	"context"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/kind"
	"github.com/cniproof/cniproof/internal/cluster/kube"
	"github.com/cniproof/cniproof/internal/cni"
	"github.com/cniproof/cniproof/internal/mirror"
)

// Running is the plugin of an entry, on a cluster where it runs.
func Running(e cni.Entry) kube.Plugin {
	p := kube.Plugin{Name: e.Title, Version: e.Version, Lacks: e.Lacks}
	for _, d := range e.Deviations {
		p.Deviations = append(p.Deviations, cluster.Deviation(d))
	}
	if e.Agent != (cni.Workload{}) {
		p.Restart = func(ctx context.Context, api kubernetes.Interface, meanwhile func(context.Context) error) error {
			return cni.Restart(ctx, api, e, meanwhile)
		}
	}
	return p
}

// Detect finds the plugins of a catalog that run on a cluster.
func Detect(c cni.Catalog) func(context.Context, kubernetes.Interface) ([]kube.Plugin, error) {
	return func(ctx context.Context, api kubernetes.Interface) ([]kube.Plugin, error) {
		entries, err := cni.Detect(ctx, api, c)
		if err != nil {
			return nil, err
		}
		var list []kube.Plugin
		for _, e := range entries {
			list = append(list, Running(e))
		}
		return list, nil
	}
}

// Installable is the plugin of an entry, for a kind cluster.
func Installable(e cni.Entry, source cni.Source) kind.Plugin {
	return kind.Plugin{
		Plugin:        Running(e),
		ID:            e.Name,
		PodSubnet:     e.PodSubnet,
		PodSubnet6:    e.PodSubnet6,
		KubeProxyMode: e.ClusterOptions.KubeProxyMode,
		DefaultCNI:    e.ClusterOptions.DefaultCNI,
		Images:        e.Images,
		Install: func(ctx context.Context, config *rest.Config, progress func(string)) error {
			return cni.Install(ctx, config, e, source, progress)
		},
		AwaitReady: func(ctx context.Context, api kubernetes.Interface, progress func(string)) error {
			return cni.AwaitReady(ctx, api, e, progress)
		},
	}
}

// Archive finds the archives of images in a mirror; without one there are none.
func Archive(m *mirror.Mirror) func(image string) (string, error) {
	return func(image string) (string, error) {
		if m == nil {
			return "", nil
		}
		path, ok, err := m.Image(image)
		if !ok {
			return "", err
		}
		return path, err
	}
}

// Node finds the nodes' image: the one that is named, or that of a version of
// Kubernetes ("": the newest) in a mirror, or else in kind's own registry.
func Node(m *mirror.Mirror, image, kubernetes string) func(context.Context) (kind.NodeImage, error) {
	return func(context.Context) (kind.NodeImage, error) {
		switch {
		case image != "":
			return kind.NodeImage{Name: image}, nil
		case m != nil:
			node, err := m.Node(kubernetes)
			return kind.NodeImage{Name: node.Image, Archive: node.Archive}, err
		case kubernetes != "":
			return kind.NodeImage{Name: "kindest/node:" + kubernetes}, nil
		}
		return kind.NodeImage{}, nil
	}
}
