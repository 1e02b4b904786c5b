package existing_test

import (
	"context"
	"os"
	"testing"

	"k8s.io/client-go/kubernetes"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/clustertest"
	"github.com/cniproof/cniproof/internal/cluster/existing"
	"github.com/cniproof/cniproof/internal/cluster/kube"
	"github.com/cniproof/cniproof/internal/cluster/plugins"
	"github.com/cniproof/cniproof/internal/cni"
)

// kubeconfig leads to the cluster that the test may use: one whose plugin enforces
// policies and whose nodes have the agent's image.
func kubeconfig(t *testing.T) string {
	t.Helper()
	path := os.Getenv("CNIPROOF_E2E_KUBECONFIG")
	if path == "" {
		t.Skip("SKIPPED: it needs a cluster: CNIPROOF_E2E_KUBECONFIG=FILE, as `make e2e-tests` sets it")
	}
	return path
}

func TestProvider(t *testing.T) {
	path := kubeconfig(t)
	catalog, err := cni.Load()
	if err != nil {
		t.Fatal(err)
	}
	clustertest.Run(t, func() cluster.Provider {
		return existing.New(existing.Options{Kubeconfig: path, Nodes: 2, Detect: plugins.Detect(catalog)})
	})
}

// TestAMissingImageIsToldAtOnce, with the reason of the kubelet, and leaves nothing.
func TestAMissingImageIsToldAtOnce(t *testing.T) {
	p := existing.New(existing.Options{
		Kubeconfig: kubeconfig(t), Nodes: 2, AgentImage: "cniproof.dev/no-such-image:1",
		Detect: func(context.Context, kubernetes.Interface) ([]kube.Plugin, error) { return nil, nil },
	})
	c, err := p.Open(t.Context(), func(string) {})
	if err == nil {
		_ = c.Close(t.Context())
		t.Fatal("a cluster without the agent's image was opened")
	}
	t.Log(err)
	if left, err := p.Cleanup(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
