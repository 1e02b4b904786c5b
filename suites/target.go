package suites

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/embedded"
	"github.com/cniproof/cniproof/internal/cluster/embedded/engine"
	"github.com/cniproof/cniproof/internal/cluster/existing"
	"github.com/cniproof/cniproof/internal/cluster/kube"
	"github.com/cniproof/cniproof/internal/cluster/plugins"
	"github.com/cniproof/cniproof/internal/cni"
)

// Target is the cluster of a suite, as its flags name it.
type Target struct {
	kubeconfig, context, agentImage string
	nodes                           int
	within, hold                    time.Duration
	fault                           string
}

// Flags defines a suite's flags. It has to be called before flags are parsed.
func Flags(f *flag.FlagSet) *Target {
	var t Target
	f.StringVar(&t.kubeconfig, "kubeconfig", "", "judge the cluster that this file leads to (default: an embedded cluster)")
	f.StringVar(&t.context, "context", "", "the context of the kubeconfig (default: the current one)")
	f.StringVar(&t.agentImage, "agent-image", "", "image of the probe pods (default: the one that `cniproof agent` makes)")
	f.IntVar(&t.nodes, "nodes", 2, "spread scenarios over pairs of up to this many nodes of an existing cluster")
	f.DurationVar(&t.within, "within", 0, "how long a step's table may take to be reached (default: what suits the cluster)")
	f.DurationVar(&t.hold, "hold", 0, "how long a reached table must stay (default: what suits the cluster)")
	f.StringVar(&t.fault, "fault", "", "embedded cluster: plant this fault, to see that it is caught")
	return &t
}

// Main gives the process what its cluster needs, runs the tests and returns what to
// exit with. It is for TestMain.
func (t *Target) Main(m *testing.M) int {
	flag.Parse()
	if t.embedded() {
		if err := embedded.Enter(); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

func (t *Target) embedded() bool { return t.kubeconfig == "" && t.context == "" }

func (t *Target) provider() (cluster.Provider, error) {
	if !t.embedded() {
		return existing.New(existing.Options{
			Kubeconfig: t.kubeconfig, Context: t.context, AgentImage: t.agentImage, Nodes: t.nodes, Detect: detect,
		}), nil
	}
	var names []string
	if t.fault != "" {
		names = append(names, t.fault)
	}
	faults, err := engine.ParseFaults(names)
	return embedded.New(embedded.Options{Faults: faults}), err
}

func detect(ctx context.Context, api kubernetes.Interface) ([]kube.Plugin, error) {
	catalog, err := cni.Load()
	if err != nil {
		return nil, err
	}
	return plugins.Detect(catalog)(ctx, api)
}
