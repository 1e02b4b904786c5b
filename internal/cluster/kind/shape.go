package kind

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	"sigs.k8s.io/yaml"

	kindconfigs "github.com/cniproof/cniproof/kind-configs"
)

// defaultShape is used where none is asked for.
const defaultShape = "two-node"

// shape is a configuration of kind.
type shape struct{ v1alpha4.Cluster }

// Shapes are the names of the built-in shapes.
func Shapes() []string {
	files, err := fs.Glob(kindconfigs.FS, "*.yaml")
	if err != nil {
		return nil // unreachable: the pattern is well-formed
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(f, ".yaml")
	}
	return files
}

// CheckShape says what is wrong with a name or path of a shape.
func CheckShape(name string) error {
	_, err := loadShape(name)
	return err
}

// loadShape reads a built-in shape by its name, or a file by its path.
func loadShape(name string) (*shape, error) {
	if name == "" {
		name = defaultShape
	}
	text, err := fs.ReadFile(kindconfigs.FS, path.Base(name)+".yaml")
	if name != path.Base(name) || err != nil {
		text, err = os.ReadFile(filepath.Clean(name))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no shape and no file %q: the shapes are %s", name, strings.Join(Shapes(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("reading kind configuration %q: %w", name, err)
	}
	s := &shape{}
	if err := yaml.UnmarshalStrict(bytes.TrimSpace(text), &s.Cluster); err != nil {
		return nil, fmt.Errorf("reading kind configuration %q: %w", name, err)
	}
	if s.Kind != "Cluster" || s.APIVersion != "kind.x-k8s.io/v1alpha4" {
		return nil, fmt.Errorf("reading kind configuration %q: it is %s %s, not kind.x-k8s.io/v1alpha4 Cluster", name, s.APIVersion, s.Kind)
	}
	return s, nil
}

// fit adds what the plugin and the host need. A file of the user's own keeps the pod
// range that it has.
func (s *shape) fit(p Plugin, h host) error {
	s.Networking.DisableDefaultCNI = !p.DefaultCNI
	if s.Networking.PodSubnet == "" {
		subnet, err := podSubnet(p, s.Networking.IPFamily)
		if err != nil {
			return err
		}
		s.Networking.PodSubnet = subnet
	}
	if p.KubeProxyMode != "" {
		s.Networking.KubeProxyMode = v1alpha4.ProxyMode(p.KubeProxyMode)
	}
	// The shape's own patches come last: a list in one of them replaces the list of another.
	s.KubeadmConfigPatches = append(hurry(), s.KubeadmConfigPatches...)
	// A kernel may refuse to have the size of its connection table changed.
	s.KubeadmConfigPatches = append(s.KubeadmConfigPatches, "kind: KubeProxyConfiguration\nconntrack:\n  maxPerCore: 0\n")
	if h.cgroupV1 {
		// Kubernetes 1.35 and later refuse it unless they are told.
		s.KubeadmConfigPatches = append(s.KubeadmConfigPatches, "kind: KubeletConfiguration\nfailCgroupV1: false\n")
	}
	return nil
}

// hurry are patches for a cluster that lives for minutes: etcd need not wait for the
// disk, and namespaces by the dozen may come and go at once.
func hurry() []string {
	return []string{`
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
etcd:
  local:
    extraArgs:
    - {name: unsafe-no-fsync, value: "true"}
controllerManager:
  extraArgs:
  - {name: kube-api-qps, value: "200"}
  - {name: kube-api-burst, value: "400"}
  - {name: concurrent-namespace-syncs, value: "30"}
`, `
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
etcd:
  local:
    extraArgs:
      unsafe-no-fsync: "true"
controllerManager:
  extraArgs:
    kube-api-qps: "200"
    kube-api-burst: "400"
    concurrent-namespace-syncs: "30"
`, `
kind: KubeletConfiguration
kubeAPIQPS: 200
kubeAPIBurst: 400
eventRecordQPS: 0
`}
}

func podSubnet(p Plugin, family v1alpha4.ClusterIPFamily) (string, error) {
	var want []string
	switch family {
	case v1alpha4.IPv6Family:
		want = []string{p.PodSubnet6}
	case v1alpha4.DualStackFamily:
		want = []string{p.PodSubnet, p.PodSubnet6}
	default:
		want = []string{p.PodSubnet}
	}
	for _, subnet := range want {
		if subnet == "" {
			return "", fmt.Errorf("the catalog has no pod range of every family of the cluster (%s) for %s: choose another --kind-config", family, p.Name)
		}
	}
	return strings.Join(want, ","), nil
}

// podCIDRs are the ranges of the pods.
func (s *shape) podCIDRs() []netip.Prefix {
	var list []netip.Prefix
	for _, text := range strings.Split(s.Networking.PodSubnet, ",") {
		if p, err := netip.ParsePrefix(text); err == nil {
			list = append(list, p.Masked())
		}
	}
	return list
}
