// Package existing provides a cluster that is already there: the one that a
// kubeconfig leads to.
//
// It creates namespaces of its own, labelled, and removes them. It changes nothing
// else, and asks for its rights before it begins.
// It must not import internal/cni: the command line says which plugins there are.
package existing

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/agentimage"
	"github.com/cniproof/cniproof/internal/cluster/kube"
)

// Options of the provider.
type Options struct {
	// Kubeconfig and Context are kubectl's flags of these names; empty: its defaults.
	Kubeconfig, Context string
	// AgentImage is the image of the probe pods; empty: the one that `cniproof agent`
	// makes, which must then have been loaded into the nodes.
	AgentImage string
	// Nodes is how many nodes scenarios are spread over at most.
	Nodes int
	// Outside are hosts outside the cluster.
	Outside []Outside
	// Detect finds the network plugins that run.
	Detect func(context.Context, kubernetes.Interface) ([]kube.Plugin, error)
	// Keep leaves on the cluster what was deployed last.
	Keep bool
}

// Outside is a host outside the cluster and the command whose standard input and
// output are the control stream of an agent there.
type Outside struct {
	Addrs   []netip.Addr // at most one per family
	Command string       // for the shell
}

// New returns a provider; it touches nothing yet.
func New(o Options) cluster.Provider { return &provider{o} }

type provider struct{ options Options }

// first is how long the API server may take for its first answer.
const first = 15 * time.Second

// Open asks for the rights that a run needs, and then surveys the cluster.
func (p *provider) Open(ctx context.Context, progress func(string)) (cluster.Cluster, error) {
	config, api, err := p.connect()
	if err != nil {
		return nil, err
	}
	if err := checkRights(ctx, api); err != nil {
		return nil, fmt.Errorf("opening the cluster at %s: %w", config.Host, err)
	}
	lacks, err := lacking(ctx, api)
	if err != nil {
		return nil, fmt.Errorf("opening the cluster at %s: %w", config.Host, err)
	}
	image, err := p.agentImage(ctx, api)
	if err != nil {
		return nil, err
	}
	plugins, err := p.options.Detect(ctx, api)
	if err != nil {
		return nil, fmt.Errorf("finding out which network plugin runs: %w", err)
	}
	progress(fmt.Sprintf("cluster at %s: %s", config.Host, named(plugins)))
	progress("probe pods that send SCTP get CAP_NET_RAW for raw sockets, and their namespaces the Pod Security level `privileged`; all others satisfy `restricted`")
	return p.open(ctx, kube.Config{
		REST: config, Provider: "existing", Plugins: plugins, AgentImage: image,
		Nodes: p.options.Nodes, Keep: p.options.Keep, Progress: progress,
		Lacks:       lacks,
		OutsideLack: "no host outside the cluster was given (--external-host)",
	})
}

func named(plugins []kube.Plugin) string {
	if len(plugins) == 0 {
		return "its network plugin is not in the catalog"
	}
	var words []string
	for _, p := range plugins {
		words = append(words, strings.TrimSpace(p.Name+" "+p.Version))
	}
	return strings.Join(words, " + ")
}

// open starts the agents outside, and ends them with the cluster.
func (p *provider) open(ctx context.Context, config kube.Config) (cluster.Cluster, error) {
	relays := make([]*relay, len(p.options.Outside))
	for i, o := range p.options.Outside {
		relays[i] = newRelay(o.Command)
		config.Outside = append(config.Outside, kube.Outside{Name: o.Addrs[0].String(), Addrs: o.Addrs, Attach: relays[i].attach})
	}
	c, err := kube.Open(ctx, config)
	if err != nil {
		closeAll(relays)
		return nil, err
	}
	return &withRelays{c, relays}, nil
}

// withRelays is a cluster whose agents outside end with it.
type withRelays struct {
	*kube.Cluster
	relays []*relay
}

// Close removes what Open made.
func (c *withRelays) Close(ctx context.Context) error {
	closeAll(c.relays)
	return c.Cluster.Close(ctx)
}

func closeAll(relays []*relay) {
	for _, r := range relays {
		r.close()
	}
}

// connect follows kubectl's rules. Its client does not wait for an API server that is
// away: a wrong address should show at once.
func (p *provider) connect() (*rest.Config, kubernetes.Interface, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = p.options.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: p.options.Context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, nil, fmt.Errorf("loading the kubeconfig (see --kubeconfig and --context): %w", err)
	}
	api, err := kubernetes.NewForConfig(impatient(config))
	if err != nil {
		return nil, nil, fmt.Errorf("making a client of the cluster at %s: %w", config.Host, err)
	}
	return config, api, nil
}

func impatient(config *rest.Config) *rest.Config {
	quick := rest.CopyConfig(config)
	quick.Timeout, quick.QPS, quick.Burst = first, 100, 100
	return quick
}

// agentImage is the image that was asked for, or the agent's own for the nodes.
func (p *provider) agentImage(ctx context.Context, api kubernetes.Interface) (string, error) {
	if p.options.AgentImage != "" {
		return p.options.AgentImage, nil
	}
	list, err := api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", fmt.Errorf("listing the nodes: %w", err)
	}
	var architectures []string
	for _, n := range list.Items {
		if a := n.Status.NodeInfo.Architecture; !slices.Contains(architectures, a) {
			architectures = append(architectures, a)
		}
	}
	if len(architectures) != 1 {
		return "", fmt.Errorf("choosing the agent's image: the nodes are of %d architectures %v (push one for all of them, `cniproof agent --push REGISTRY/NAME:TAG`, and name it with --agent-image)", len(architectures), architectures)
	}
	image, err := agentimage.New(ctx, architectures[0])
	if err != nil {
		return "", err
	}
	return image.Name, nil
}

// Cleanup removes the namespaces of runs that are dead. Without a kubeconfig there is
// nothing to look at.
func (p *provider) Cleanup(ctx context.Context) ([]string, error) {
	_, api, err := p.connect()
	if clientcmd.IsEmptyConfig(errors.Unwrap(err)) && p.options.Kubeconfig == "" && p.options.Context == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return kube.Cleanup(ctx, api)
}
