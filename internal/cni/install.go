package cni

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/cniproof/cniproof/internal/fetch"
)

// Source fetches what an entry installs: fetch.HTTP does, and a mirror.
type Source = fetch.Source

// Install applies everything that an entry names, in its order, and does not wait
// for the CNI to be ready. Installing it again changes nothing. progress takes one
// line at a time.
func Install(ctx context.Context, cfg *rest.Config, e Entry, source Source, progress func(string)) error {
	if e.Manual != "" {
		return fmt.Errorf("installing %s: it cannot be installed from here: %s", e.Name, e.Manual)
	}
	a, err := newApplier(cfg)
	if err != nil {
		return fmt.Errorf("installing %s: %w", e.Name, err)
	}
	families, err := familiesOf(ctx, a)
	if err != nil {
		return fmt.Errorf("installing %s: %w", e.Name, err)
	}
	for _, s := range e.Install {
		objects, err := e.objects(ctx, s, source, surroundings{families, a.capabilities})
		if err != nil {
			return fmt.Errorf("installing %s: %w", e.Name, err)
		}
		if s.Chart != nil {
			a.namespace = s.Chart.Namespace
		}
		if err := a.apply(ctx, objects); err != nil {
			return fmt.Errorf("installing %s: %w", e.Name, err)
		}
		progress(fmt.Sprintf("%s %s: applied %d objects (%s)", e.Title, e.Version, len(objects), s.kind()))
		a.namespace = metav1.NamespaceDefault
	}
	return nil
}

// surroundings are what objects depend on besides the entry.
type surroundings struct {
	families     families
	capabilities func() (*common.Capabilities, error)
}

// families are those of the nodes' pod CIDRs.
type families struct{ ipv4, ipv6 bool }

// familiesOf asks the nodes. Where none has a pod CIDR, the CNI allots addresses
// itself, and IPv4 is assumed.
func familiesOf(ctx context.Context, a *applier) (families, error) {
	nodes, err := a.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return families{}, fmt.Errorf("listing nodes: %w", err)
	}
	var found families
	for _, n := range nodes.Items {
		for _, cidr := range n.Spec.PodCIDRs {
			six := strings.Contains(cidr, ":")
			found.ipv6 = found.ipv6 || six
			found.ipv4 = found.ipv4 || !six
		}
	}
	found.ipv4 = found.ipv4 || !found.ipv6
	return found, nil
}

// objects are what one step applies.
func (e Entry) objects(ctx context.Context, s Step, source Source, around surroundings) ([]*unstructured.Unstructured, error) {
	switch {
	case s.Chart != nil:
		return e.chartObjects(ctx, s, source, around)
	case s.Manifest != nil:
		return e.manifestObjects(ctx, s, source)
	case s.File != "":
		text, err := fs.ReadFile(e.folder, path.Clean(s.File))
		if err != nil {
			return nil, err
		}
		return e.inline(s.File, text, around)
	}
	return e.inline("objects", []byte(s.Objects), around)
}

func (e Entry) chartObjects(ctx context.Context, s Step, source Source, around surroundings) ([]*unstructured.Unstructured, error) {
	item, _ := s.download()
	archive, err := source.Fetch(ctx, item)
	if err != nil {
		return nil, err
	}
	caps, err := around.capabilities()
	if err != nil {
		return nil, err
	}
	return s.Chart.render(archive, caps, around.families.ipv6)
}

func (e Entry) manifestObjects(ctx context.Context, s Step, source Source) ([]*unstructured.Unstructured, error) {
	item, _ := s.download()
	text, err := source.Fetch(ctx, item)
	if err != nil {
		return nil, err
	}
	objects, err := decode(text)
	if err == nil {
		err = setImages(objects, s.Manifest.SetImages)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Manifest.URL, err)
	}
	return objects, nil
}

func (e Entry) inline(name string, text []byte, around surroundings) ([]*unstructured.Unstructured, error) {
	filled := strings.ReplaceAll(string(text), "${podSubnet}", e.subnets(around.families))
	objects, err := decode([]byte(filled))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return objects, nil
}

// subnets are those of the families, separated by commas.
func (e Entry) subnets(f families) string {
	var list []string
	if f.ipv4 {
		list = append(list, e.PodSubnet)
	}
	if f.ipv6 {
		list = append(list, e.PodSubnet6)
	}
	return strings.Join(slices.DeleteFunc(list, func(s string) bool { return s == "" }), ",")
}

// DefaultKubernetes stands for a cluster that nobody has yet, where a chart asks.
const defaultKubernetes = "v1.36.0"

// AllImages are the images of an entry and those that what it installs names, which
// should be the same. The source is asked for every manifest and chart.
func (e Entry) AllImages(ctx context.Context, source Source) ([]string, error) {
	list := slices.Clone(e.Images)
	around := surroundings{families{ipv4: true}, func() (*common.Capabilities, error) {
		return capabilities(defaultKubernetes, common.DefaultVersionSet)
	}}
	for _, s := range e.Install {
		objects, err := e.objects(ctx, s, source, around)
		if err != nil {
			return nil, fmt.Errorf("reading what %s installs: %w", e.Name, err)
		}
		for _, o := range objects {
			for _, image := range images(o) {
				if !slices.Contains(list, image) {
					list = append(list, image)
				}
			}
		}
	}
	return list, nil
}
