package kind

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestShapes(t *testing.T) {
	if got := Shapes(); !slices.Equal(got, []string{"dual-stack", "ipv6", "small-pod-cidr", "three-node", "two-node"}) {
		t.Errorf("shapes %v", got)
	}
	both := Plugin{PodSubnet: "10.244.0.0/16", PodSubnet6: "fd00:10:244::/56"}
	four := Plugin{PodSubnet: "10.244.0.0/16"}
	four.Name = "x"
	for _, row := range []struct {
		shape  string
		plugin Plugin
		want   string // the pod range, or part of the error
	}{
		{"", both, "10.244.0.0/16"},
		{"two-node", both, "10.244.0.0/16"},
		{"three-node", four, "10.244.0.0/16"},
		{"dual-stack", both, "10.244.0.0/16,fd00:10:244::/56"},
		{"ipv6", both, "fd00:10:244::/56"},
		{"dual-stack", four, "--kind-config"},
		{"ipv6", four, "--kind-config"},
	} {
		s, err := loadShape(row.shape)
		if err != nil {
			t.Fatal(err)
		}
		err = s.fit(row.plugin, host{cgroupV1: true})
		if err != nil && !strings.Contains(err.Error(), row.want) || err == nil && s.Networking.PodSubnet != row.want {
			t.Errorf("%q: range %q, %v; want %q", row.shape, s.Networking.PodSubnet, err, row.want)
		}
		if !s.Networking.DisableDefaultCNI {
			t.Errorf("%q: kind's own plugin is on", row.shape)
		}
	}
}

func TestTheHostDecidesWhatTheKubeletIsTold(t *testing.T) {
	for _, v1 := range []bool{false, true} {
		s, err := loadShape("two-node")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.fit(Plugin{PodSubnet: "10.0.0.0/16", DefaultCNI: true, KubeProxyMode: "nftables"}, host{cgroupV1: v1}); err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(strings.Join(s.KubeadmConfigPatches, ""), "failCgroupV1: false"); told != v1 {
			t.Errorf("cgroup v1 %v: patches %q", v1, s.KubeadmConfigPatches)
		}
		if s.Networking.DisableDefaultCNI || s.Networking.KubeProxyMode != "nftables" {
			t.Errorf("networking %+v", s.Networking)
		}
	}
}

func TestConfigurationsOfOnesOwn(t *testing.T) {
	folder := t.TempDir()
	for name, row := range map[string]struct{ text, want string }{
		"good":     {"kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnetworking: {podSubnet: 10.9.0.0/16}\n", ""},
		"unknown":  {"kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodez: []\n", "nodez"},
		"other":    {"kind: Pod\napiVersion: v1\n", "v1 Pod"},
		"no-yaml":  {":\n-", "no-yaml"},
		"two-node": {"kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnetworking: {podSubnet: 10.9.0.0/16}\n", ""},
	} {
		path := filepath.Join(folder, name+".yaml")
		if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := loadShape(path)
		if row.want != "" {
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%s: %v, want %q", name, err, row.want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := s.fit(Plugin{PodSubnet: "10.244.0.0/16"}, host{}); err != nil || s.podCIDRs()[0].String() != "10.9.0.0/16" {
			t.Errorf("%s: the range became %v, %v", name, s.podCIDRs(), err)
		}
	}
	if err := CheckShape(filepath.Join(folder, "nothing")); err == nil || !strings.Contains(err.Error(), "three-node") {
		t.Errorf("no file: %v", err)
	}
}
