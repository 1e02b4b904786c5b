// Package kube is what the providers of real Kubernetes clusters share: control
// streams into pods, the agents on nodes and hosts outside, and a survey of what the
// cluster can do, found by trying rather than guessed.
//
// Everything that it makes on a cluster is in namespaces with the label
// cluster.LabelOwner; one of them is its own and carries a heartbeat, by which
// Cleanup tells the namespaces of a living run from those of a dead one.
//
// It must not import internal/oracle, internal/judge, internal/scenario or internal/deploy.
package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
)

// Attach opens a control stream to one agent.
type Attach func(context.Context) (io.ReadWriteCloser, error)

// Config is a cluster that runs, and what the provider knows of it.
type Config struct {
	// REST reaches the API. Open changes a copy only.
	REST     *rest.Config
	Provider string // "kind", "existing"
	// Plugins are the network plugins that run; at best one.
	Plugins    []Plugin
	AgentImage string
	// Nodes is how many nodes scenarios are spread over at most; at least 2.
	Nodes int
	// Outside are hosts outside the cluster whose agents can be reached.
	Outside []Outside
	// OutsideLack says why there is no outside host, where there is none.
	OutsideLack string
	// Lacks are further features that the cluster has not, or not for this user, with the reason.
	Lacks map[string]string
	// ExternalCIDRs cover the outside hosts and no node; nil: made from their addresses.
	ExternalCIDRs []netip.Prefix
	// PodCIDRs are what the cluster was configured with; nil: they are found.
	PodCIDRs []netip.Prefix
	// Ephemeral: cniproof made the cluster and may change anything on it.
	Ephemeral bool
	// Keep leaves on the cluster what was deployed last.
	Keep     bool
	Progress func(string)
}

// Cluster is an open cluster.
type Cluster struct {
	config      Config
	rest        *rest.Config
	api         kubernetes.Interface
	description cluster.Description
	nodes       []node
	home        *home

	lacking sync.Mutex // guards description.Lacks while the cluster is opened
	closing sync.Once
	closed  error
}

// The pace of steps on a real cluster. Enforcement is awaited, so Within only ends
// hopeless waits; a CNI that needs longer is one to look at.
const (
	within = 15 * time.Second
	hold   = 400 * time.Millisecond
	poll   = 100 * time.Millisecond
)

// Open surveys the cluster and puts an agent on every node.
func Open(ctx context.Context, config Config) (*Cluster, error) {
	c, err := connect(config)
	if err != nil {
		return nil, err
	}
	if err := c.open(ctx); err != nil {
		return nil, errors.Join(err, c.abandon(ctx))
	}
	return c, nil
}

// connect makes the clients. client-go's own limit of 5 requests a second is for
// controllers; the API server has limits of its own.
func connect(config Config) (*Cluster, error) {
	if config.Progress == nil {
		config.Progress = func(string) {}
	}
	r := rest.CopyConfig(config.REST)
	r.QPS, r.Burst = 300, 600
	r.Wrap(patiently)
	r.UserAgent = "cniproof"
	api, err := kubernetes.NewForConfig(r)
	if err != nil {
		return nil, fmt.Errorf("making a client of the cluster: %w", err)
	}
	return &Cluster{config: config, rest: r, api: api}, nil
}

func (c *Cluster) open(ctx context.Context) error {
	server, err := c.api.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("asking the API server for its version: %w", err)
	}
	c.description = cluster.Description{
		Provider:   c.config.Provider,
		Kubernetes: server.GitVersion,
		Ephemeral:  c.config.Ephemeral,
		AgentImage: c.config.AgentImage,
		Lacks:      map[string]string{},
		Pace:       cluster.Pace{Within: within, Hold: hold, Poll: poll},
	}
	maps.Copy(c.description.Lacks, c.config.Lacks)
	if before(server.GitVersion, sidecarsSince) {
		c.description.Lacks["init-sidecar"] = "Kubernetes has it since " + sidecarsSince + ", and this is " + server.GitVersion
	}
	if c.nodes, err = c.chooseNodes(ctx); err != nil {
		return err
	}
	if c.home, err = c.newHome(ctx); err != nil {
		return err
	}
	c.description.Owner = c.home.owner
	if others := neighbours(ctx, c.api, c.home.owner); others != "" {
		c.config.Progress(others)
	}
	if err := c.survey(ctx); err != nil {
		return err
	}
	c.describe()
	return nil
}

// abandon is the way back from a half-opened cluster.
func (c *Cluster) abandon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return c.Close(ctx)
}

// Description says what was found.
func (c *Cluster) Description() cluster.Description { return c.description }

// Client is the cluster's API. It waits for an API server that is away.
func (c *Cluster) Client() kubernetes.Interface { return c.api }

// External returns the hosts outside.
func (c *Cluster) External() []cluster.Host {
	hosts := make([]cluster.Host, len(c.config.Outside))
	for i, o := range c.config.Outside {
		hosts[i] = cluster.Host{Name: o.Name, Addrs: o.Addrs}
	}
	return hosts
}

// Nodes returns the nodes that scenarios use.
func (c *Cluster) Nodes() []cluster.Host {
	hosts := make([]cluster.Host, len(c.nodes))
	for i, n := range c.nodes {
		hosts[i] = n.Host
	}
	return hosts
}

// Attach opens a control stream. An agent answers on it when it returns.
func (c *Cluster) Attach(ctx context.Context, agent flow.Endpoint) (io.ReadWriteCloser, error) {
	switch agent.Kind {
	case flow.KindPod:
		return c.attach(ctx, agent.String(), agent.Namespace, agent.Name)
	case flow.KindNode:
		if i, err := strconv.Atoi(agent.Name); err == nil && i >= 1 && i <= len(c.nodes) && c.description.Lacks["node-traffic"] == "" {
			return c.attach(ctx, agent.String(), c.home.namespace, nodeAgent(i), "--socket", c.home.socket())
		}
	case flow.KindExternal:
		if i, err := strconv.Atoi(agent.Name); err == nil && i >= 1 && i <= len(c.config.Outside) {
			return c.config.Outside[i-1].Attach(ctx)
		}
	case flow.KindDNS, flow.KindUnknown:
	}
	return nil, fmt.Errorf("attaching to %s: it has no agent", agent)
}

// RestartCNI restarts the CNI's agent on every node.
func (c *Cluster) RestartCNI(ctx context.Context, meanwhile func(context.Context) error) error {
	if why := c.noRestart(); why != "" {
		return fmt.Errorf("restarting the network plugin: %s", why)
	}
	return c.config.Plugins[0].Restart(ctx, c.api, meanwhile)
}

// Close removes every namespace of this owner and returns when they are gone.
func (c *Cluster) Close(ctx context.Context) error {
	c.closing.Do(func() {
		if c.home != nil {
			c.closed = c.home.leave(ctx, c.config.Keep)
		}
	})
	return c.closed
}

// Forget makes Close do nothing: the cluster is about to go, with all that is in it.
func (c *Cluster) Forget() {
	c.closing.Do(func() {
		if c.home != nil {
			c.home.stop()
			c.home.beat.Wait()
		}
	})
}
