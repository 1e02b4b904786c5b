// Package cluster says what cniproof needs of a cluster, whoever runs it. Each
// provider is a folder below this one.
package cluster

import (
	"context"
	"io"
	"net/netip"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/cniproof/cniproof/internal/flow"
)

// Labels of what cniproof creates on a cluster.
const (
	// LabelRun is on every namespace; its value is the run.
	LabelRun = "cniproof.dev/run"
	// LabelOwner is beside it on clusters that outlive a run. Its value leads to what
	// the owner keeps alive, so that `cniproof cleanup` tells the living from the dead.
	LabelOwner = "cniproof.dev/owner"
)

// Provider makes or finds a cluster.
type Provider interface {
	// Open returns a cluster that is ready for pods. progress takes one line at a time.
	Open(ctx context.Context, progress func(string)) (Cluster, error)
	// Cleanup removes whatever earlier runs left behind and names each thing removed.
	Cleanup(ctx context.Context) ([]string, error)
}

// Cluster is a running cluster.
type Cluster interface {
	Description() Description
	// Client is the cluster's API.
	Client() kubernetes.Interface
	// Attach opens a control stream to the agent of an endpoint: a running probe
	// pod, by its real namespace and name, an external host or a node. A stream
	// that is closed and attached again reaches the same agent, which keeps serving.
	Attach(ctx context.Context, agent flow.Endpoint) (io.ReadWriteCloser, error)
	// External returns the hosts outside the cluster, in order.
	External() []Host
	// Nodes returns the nodes that probe pods may run on, in order.
	Nodes() []Host
	// RestartCNI restarts the CNI's agent on every node and returns when they run again.
	// It calls meanwhile, unless that is nil, when the old agents are gone.
	RestartCNI(ctx context.Context, meanwhile func(context.Context) error) error
	// Close removes what Open made.
	Close(ctx context.Context) error
}

// Host is a machine with addresses of its own.
type Host struct {
	Name  string
	Addrs []netip.Addr // at most one per family
}

// Description is what a report says about the cluster.
type Description struct {
	Provider       string // "embedded", "kind", "existing"
	Implementation string // what enforces the policies: a CNI's name, or the reference engine
	Version        string // of the implementation
	Kubernetes     string // server version
	// Reference is true where the implementation is cniproof's own engine, not a CNI.
	Reference bool
	Faults    []string // planted on purpose
	Families  []flow.Family
	Protocols []flow.Protocol
	// Features that the cluster lacks, by name, with the reason.
	Lacks map[string]string
	// PodCIDRs cover every pod, ExternalCIDRs every external host and nothing else; at most one per family.
	PodCIDRs      []netip.Prefix
	ExternalCIDRs []netip.Prefix
	// Ephemeral is true where cniproof made the cluster: it may then label kube-system.
	Ephemeral bool
	// AgentImage is the image of a probe pod.
	AgentImage string
	// Deviations are those that the implementation is known for.
	Deviations []Deviation
	// Owner is the value of LabelOwner; empty where nothing outlives the run.
	Owner string
	// Pace is how the run should be timed by default.
	Pace Pace
}

// Deviation is a known way in which an implementation does not do what it should.
type Deviation struct {
	Scenarios []string // that show it, by name
	Flows     []string // of those scenarios, as flow lines; none stands for all
	Summary   string
	Link      string // to where its own project says so
	Confirmed string // which run showed it; "" is hearsay
}

// Pace is the default timing of steps on a cluster.
type Pace struct {
	Within time.Duration // until a step's table must be reached
	Hold   time.Duration // how long it must then stay
	Poll   time.Duration // between two looks at the API while something is awaited
}
