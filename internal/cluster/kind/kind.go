// Package kind makes clusters of Kubernetes in Docker, with kind's own library, and
// installs the network plugin under test in them.
//
// Everything that it makes in Docker bears labels that lead to the process which
// owns it: a cluster's network, its containers and those of the hosts outside.
// It must not import internal/cni or internal/mirror: the command line says what to
// install and where archives are.
package kind

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	kindcluster "sigs.k8s.io/kind/pkg/cluster"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/agentimage"
	"github.com/cniproof/cniproof/internal/cluster/kube"
)

// Options of the provider.
type Options struct {
	// Name of the cluster; empty: one that no other cluster has.
	Name string
	// Config is the name of a built-in shape or the path of a kind configuration.
	Config string
	// Node finds the image of the nodes; it is asked once, and only for a new cluster.
	Node func(context.Context) (NodeImage, error)
	// Plugin is what to test.
	Plugin Plugin
	// Archive finds the archive of an image, where there is one; "" means that the
	// nodes are to pull it.
	Archive func(image string) (path string, err error)
	// Reuse takes the cluster of that name if it is there, with the plugin that runs in it.
	Reuse bool
	// Keep leaves the cluster when the run ends.
	Keep bool
	// Kubeconfig is where the access to a kept cluster is written, beside what is
	// there; empty: nowhere.
	Kubeconfig string
	// Nodes is how many nodes scenarios are spread over at most; 0: all.
	Nodes int
	// Kept makes Cleanup remove kept clusters as well.
	Kept bool
}

// NodeImage is an image of kind's nodes.
type NodeImage struct {
	Name    string // "" leaves it to kind
	Archive string // where to load it from if Docker has it not; "": from its registry
}

// Plugin is a network plugin that can be installed.
type Plugin struct {
	kube.Plugin
	// ID is its name in the catalog.
	ID string
	// PodSubnet and PodSubnet6 are the ranges of the pods; "" where it has no such family.
	PodSubnet, PodSubnet6 string
	KubeProxyMode         string
	// DefaultCNI is true where kind's own plugin is the one under test.
	DefaultCNI bool
	Images     []string
	Install    func(context.Context, *rest.Config, func(string)) error
	AwaitReady func(context.Context, kubernetes.Interface, func(string)) error
}

// New returns a provider; it touches nothing yet.
func New(o Options) cluster.Provider { return &provider{o} }

type provider struct{ options Options }

// kindCluster is an open cluster.
type kindCluster struct {
	*kube.Cluster
	parts *parts
	once  sync.Once
	err   error
}

// parts are what a cluster consists of, as far as it was made.
type parts struct {
	options  Options
	docker   docker
	kind     *kindcluster.Provider
	name     string
	progress func(string)
	shape    *shape
	network  *network
	outside  []outsideHost
	routes   *router
	reused   bool
	created  bool // kind was asked to make the cluster
}

// Open makes the cluster, or takes the one that is there.
func (p *provider) Open(ctx context.Context, progress func(string)) (cluster.Cluster, error) {
	m := &parts{options: p.options, progress: progress, name: p.options.Name}
	c, err := m.open(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening a kind cluster: %w", err), m.remove(ctx, false))
	}
	return &kindCluster{Cluster: c, parts: m}, nil
}

func (m *parts) open(ctx context.Context) (*kube.Cluster, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if m.name == "" {
		m.name = freeName()
	}
	host, err := m.docker.host(ctx)
	if err != nil {
		return nil, err
	}
	m.kind = kindcluster.NewProvider(kindcluster.ProviderWithDocker(), kindcluster.ProviderWithLogger(&logger{progress: m.progress}))
	exists, err := m.exists()
	if err != nil {
		return nil, err
	}
	if exists && !m.options.Reuse {
		return nil, fmt.Errorf("there is a cluster %q already: take it with --reuse, or choose another --name", m.name)
	}
	if m.reused = exists; exists {
		err = m.adopt(ctx)
	} else {
		err = m.create(ctx, host)
	}
	if err != nil {
		return nil, err
	}
	return m.equip(ctx)
}

// adopt takes over a cluster that is there already. Where it is on a network of
// cniproof's, hosts outside can be made beside it.
func (m *parts) adopt(ctx context.Context) error {
	if err := m.forgetDeadHosts(ctx); err != nil {
		return err
	}
	if n, err := m.docker.readNetwork(ctx, networkName(m.name)); err == nil {
		m.network = n
	}
	return nil
}

// equip makes a running cluster ready for scenarios.
func (m *parts) equip(ctx context.Context) (*kube.Cluster, error) {
	config, api, err := m.connect()
	if err != nil {
		return nil, err
	}
	image, err := m.loadAgent(ctx, api)
	if err != nil {
		return nil, err
	}
	if !m.reused {
		if err := m.install(ctx, config, api); err != nil {
			return nil, err
		}
	}
	if err := m.onlyPlugin(ctx, api); err != nil {
		return nil, err
	}
	if err := m.awaitDNS(ctx, api); err != nil {
		return nil, err
	}
	if err := m.startOutside(ctx, api, image); err != nil {
		return nil, err
	}
	begin := time.Now()
	c, err := kube.Open(ctx, m.config(config, image))
	if err == nil {
		m.progress(fmt.Sprintf("kind cluster %q: agents and outside hosts ready in %s", m.name, since(begin)))
	}
	return c, err
}

func since(begin time.Time) time.Duration { return time.Since(begin).Round(100 * time.Millisecond) }

func (m *parts) config(config *rest.Config, image *agentimage.Image) kube.Config {
	c := kube.Config{
		REST: config, Provider: "kind", Plugins: []kube.Plugin{m.options.Plugin.Plugin}, AgentImage: image.Name,
		Nodes: m.options.Nodes, Ephemeral: true, Keep: m.options.Keep, Progress: m.progress,
		OutsideLack: "the cluster's Docker network is not cniproof's own, so that hosts outside cannot be told from nodes",
	}
	if m.shape != nil {
		c.PodCIDRs = m.shape.podCIDRs()
	}
	if c.Nodes == 0 {
		c.Nodes = 1000
	}
	if m.network != nil {
		c.ExternalCIDRs = m.network.outside()
	}
	for _, o := range m.outside {
		c.Outside = append(c.Outside, kube.Outside{Name: o.name, Addrs: o.addrs, Attach: o.attach})
	}
	return c
}

func (m *parts) exists() (bool, error) {
	names, err := m.kind.List()
	if err != nil {
		return false, fmt.Errorf("listing kind clusters: %w", err)
	}
	return slices.Contains(names, m.name), nil
}

// connect takes the access from the cluster itself: no kubeconfig is written.
func (m *parts) connect() (*rest.Config, kubernetes.Interface, error) {
	text, err := m.kind.KubeConfig(m.name, false)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the access to cluster %q: %w", m.name, err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig([]byte(text))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the access to cluster %q: %w", m.name, err)
	}
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, fmt.Errorf("making a client of cluster %q: %w", m.name, err)
	}
	return config, api, nil
}

// onlyPlugin refuses a cluster where kind's own plugin would enforce policies beside
// the one under test.
func (m *parts) onlyPlugin(ctx context.Context, api kubernetes.Interface) error {
	if m.options.Plugin.DefaultCNI {
		return nil
	}
	list, err := api.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "app=kindnet"})
	if err != nil {
		return fmt.Errorf("looking for kindnet: %w", err)
	}
	if len(list.Items) > 0 {
		return fmt.Errorf("kindnet runs in cluster %q beside %s: it enforces policies itself, so the results would be its own (make the cluster without it, or test it with --cni kindnet)",
			m.name, m.options.Plugin.Name)
	}
	return nil
}

// Close deletes the cluster and all that belongs to it, or, where it is to be kept,
// what the run made in it.
func (c *kindCluster) Close(ctx context.Context) error {
	c.once.Do(func() { c.err = c.close(ctx) })
	return c.err
}

func (c *kindCluster) close(ctx context.Context) error {
	m := c.parts
	if !m.options.Keep && !m.reused {
		c.Forget()
		return m.remove(ctx, false)
	}
	err := errors.Join(c.Cluster.Close(ctx), m.remove(ctx, true))
	if m.options.Keep && m.options.Kubeconfig != "" {
		err = errors.Join(err, m.kind.ExportKubeConfig(m.name, m.options.Kubeconfig, false))
	}
	m.progress(fmt.Sprintf("kept: kind cluster %q; use it again with --reuse --name %s, remove it with `cniproof cleanup --kept`", m.name, m.name))
	return err
}

// removing is how long taking things away may take, also after an interrupt.
const removing = 2 * time.Minute

// remove takes away what was made; with keep, not the cluster itself.
func (m *parts) remove(ctx context.Context, keep bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removing)
	defer cancel()
	var errs []error
	if m.routes != nil {
		m.routes.close()
	}
	for _, o := range m.outside {
		errs = append(errs, m.docker.removeContainer(ctx, o.name))
	}
	if keep || m.reused {
		return errors.Join(errs...)
	}
	if m.created {
		errs = append(errs, deleteCluster(m.kind, m.name))
	}
	if m.network != nil {
		errs = append(errs, m.docker.removeNetwork(ctx, m.network.name))
	}
	return errors.Join(errs...)
}
