package cni

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// hookAnnotation marks what Helm runs beside a release; see helm.sh/docs/topics/charts_hooks.
const hookAnnotation = "helm.sh/hook"

// render turns a chart's archive into objects, as `helm template --include-crds`
// would. Hooks of an installation come before or after the rest; others are left out.
func (c Chart) render(archive []byte, caps *common.Capabilities, ipv6 bool) ([]*unstructured.Unstructured, error) {
	chart, err := loader.LoadArchive(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("reading chart %s: %w", c.Name, err)
	}
	if chart.Name() != c.Name || chart.Metadata.Version != c.Version {
		return nil, fmt.Errorf("reading chart %s %s: the archive holds %s %s", c.Name, c.Version, chart.Name(), chart.Metadata.Version)
	}
	values := copied(c.Values)
	if ipv6 {
		values = util.MergeTables(copied(c.ValuesIPv6), values)
	}
	if err := chartutil.ProcessDependencies(chart, values); err != nil {
		return nil, fmt.Errorf("rendering chart %s: %w", c.Name, err)
	}
	release := common.ReleaseOptions{Name: c.Release, Namespace: c.Namespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(chart, values, release, caps)
	if err != nil {
		return nil, fmt.Errorf("rendering chart %s: %w", c.Name, err)
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return nil, fmt.Errorf("rendering chart %s: %w", c.Name, err)
	}
	var list []*unstructured.Unstructured
	for _, crd := range chart.CRDObjects() {
		files["crds/"+crd.Filename] = string(crd.File.Data)
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if base := path.Base(file); base == "NOTES.txt" || strings.HasPrefix(base, "_") {
			continue
		}
		found, err := decode([]byte(files[file]))
		if err != nil {
			return nil, fmt.Errorf("rendering chart %s: %s: %w", c.Name, file, err)
		}
		list = append(list, found...)
	}
	return inHookOrder(list), nil
}

func inHookOrder(list []*unstructured.Unstructured) []*unstructured.Unstructured {
	var before, plain, after []*unstructured.Unstructured
	for _, o := range list {
		hooks := strings.Split(o.GetAnnotations()[hookAnnotation], ",")
		switch {
		case hooks[0] == "":
			plain = append(plain, o)
		case slices.Contains(hooks, "pre-install"):
			before = append(before, o)
		case slices.Contains(hooks, "post-install"):
			after = append(after, o)
		}
	}
	return slices.Concat(before, plain, after)
}

// capabilities are what charts may ask of a cluster.
func capabilities(version string, apis []string) (*common.Capabilities, error) {
	caps := common.DefaultCapabilities.Copy()
	kube, err := common.ParseKubeVersion(version)
	if err != nil {
		return nil, fmt.Errorf("reading the API server's version %q: %w", version, err)
	}
	caps.KubeVersion = *kube
	caps.APIVersions = apis
	return caps, nil
}

// copied keeps what merges values from changing the entry's own.
func copied(v map[string]any) map[string]any {
	c := maps.Clone(v)
	for key, value := range c {
		if inner, ok := value.(map[string]any); ok {
			c[key] = copied(inner)
		}
	}
	return c
}
