package kind_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/clustertest"
	"github.com/cniproof/cniproof/internal/cluster/kind"
	"github.com/cniproof/cniproof/internal/cluster/plugins"
	"github.com/cniproof/cniproof/internal/cni"
	"github.com/cniproof/cniproof/internal/mirror"
)

// The environment says what the tests may use; `make e2e-tests` sets it.
const (
	mirrorVariable = "CNIPROOF_E2E_MIRROR" // the folder of the mirror
	pluginVariable = "CNIPROOF_E2E_CNI"    // a plugin that enforces policies
	shapeVariable  = "CNIPROOF_E2E_SHAPE"  // of the clusters, optional
	childVariable  = "CNIPROOF_E2E_CHILD"  // set for a process that is to be killed
)

// fromMirror is the provider that the environment describes.
func fromMirror(t *testing.T) cluster.Provider {
	t.Helper()
	folder, name := os.Getenv(mirrorVariable), os.Getenv(pluginVariable)
	if folder == "" || name == "" {
		t.Skipf("SKIPPED: it makes kind clusters: %s=DIR and %s=NAME, as `make e2e-tests` sets them", mirrorVariable, pluginVariable)
	}
	m, err := mirror.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := cni.Load(m.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	entry, err := catalog.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return kind.New(kind.Options{
		Config: os.Getenv(shapeVariable), Plugin: plugins.Installable(entry, m),
		Node: plugins.Node(m, "", ""), Archive: plugins.Archive(m),
	})
}

// TestProvider makes five clusters. It takes minutes.
func TestProvider(t *testing.T) {
	fromMirror(t)
	clustertest.Run(t, func() cluster.Provider { return fromMirror(t) })
}

// TestOpenInterrupted gives up while kind makes the nodes.
func TestOpenInterrupted(t *testing.T) {
	p := fromMirror(t)
	ctx, cancel := context.WithCancel(t.Context())
	c, err := p.Open(ctx, func(line string) {
		t.Log(line)
		cancel() // the first line says that it begins
	})
	if err == nil {
		_ = c.Close(t.Context())
		t.Fatal("it was opened all the same")
	}
	if left, err := p.Cleanup(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestKilled kills a process that has a cluster, and cleans up after it, but not while
// it lives.
func TestKilled(t *testing.T) {
	p := fromMirror(t)
	child := exec.Command(os.Args[0], "-test.run", "^TestChild$", "-test.v") //nolint:gosec // this test again
	child.Env = append(os.Environ(), childVariable+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "Kubernetes runs") {
		t.Log(lines.Text())
	}
	if left, err := p.Cleanup(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("removed although its owner lives: %q, %v", left, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	left, err := p.Cleanup(t.Context())
	if err != nil || len(left) < 2 {
		t.Errorf("removed %q, %v; want a cluster and its network at least", left, err)
	}
	if left, err := p.Cleanup(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("the second time: %q, %v", left, err)
	}
}

// TestChild is what TestKilled kills.
func TestChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		t.Skip("it is run by TestKilled")
	}
	c, err := fromMirror(t).Open(t.Context(), func(line string) { fmt.Println(line) })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	<-t.Context().Done()
}
