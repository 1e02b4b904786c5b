package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/cniproof/cniproof/internal/agentbin"
	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/embedded/engine"
	"github.com/cniproof/cniproof/internal/flow"
)

// Options of the provider.
type Options struct {
	// Faults are planted in the reference engine and in the API.
	Faults engine.Faults
	// Logf takes what goes wrong in the background, a line at a time; nil drops it.
	Logf func(format string, args ...any)
}

// New returns a provider of clusters on this host. Enter must have been called
// before a cluster is opened by a user who is not root.
func New(o Options) cluster.Provider {
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	return &provider{o}
}

type provider struct{ options Options }

// embedded is an open cluster.
type embedded struct {
	options  Options
	api      *api
	client   kubernetes.Interface
	network  *network
	launcher *launcher
	kubelet  *kubelet
	engine   *engine.Engine
	proxy    *serviceProxy
	keepers  map[flow.Endpoint]*keeper // of the agents on nodes and outside hosts

	stop   context.CancelFunc
	wg     sync.WaitGroup
	closed sync.Once
}

// Open makes a cluster. It fails before it starts anything where the kernel or the
// permissions of this process are not enough.
func (p *provider) Open(ctx context.Context, progress func(string)) (cluster.Cluster, error) {
	if err := checkHost(); err != nil {
		return nil, fmt.Errorf("opening the embedded cluster: %w", err)
	}
	path, err := agentbin.Path(ctx, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	e, err := open(ctx, p.options, path, hasIPv6())
	if err != nil {
		return nil, fmt.Errorf("opening the embedded cluster: %w", err)
	}
	progress(fmt.Sprintf("embedded cluster: %d nodes, %d outside hosts, the reference engine", nodeCount, externalCount))
	return e, nil
}

// open makes a cluster, or nothing.
func open(ctx context.Context, o Options, agent string, ipv6 bool) (*embedded, error) {
	e := &embedded{options: o, keepers: map[flow.Endpoint]*keeper{}}
	if err := e.open(ctx, agent, ipv6); err != nil {
		return nil, errors.Join(err, e.Close(context.WithoutCancel(ctx)))
	}
	return e, nil
}

func (e *embedded) open(ctx context.Context, agent string, ipv6 bool) (err error) {
	if e.network, err = newNetwork(ipv6); err != nil {
		return err
	}
	if e.launcher, err = newLauncher(agent); err != nil {
		return err
	}
	e.api = newAPI(e.network.ipv6, e.options.Faults.Has(engine.PolicyTypesNotDefaulted))
	e.client = e.api.client()
	if err := e.populate(ctx); err != nil {
		return err
	}
	if e.proxy, err = newServiceProxy(e.api, e.network.nodes, e.options.Logf); err != nil {
		return err
	}
	if e.engine, err = engine.New(e.engineConfig()); err != nil {
		return err
	}
	e.kubelet = newKubelet(e.api, e.network, e.launcher, e.engine.Sync, e.options.Logf)
	e.kubelet.servers[types.NamespacedName{Namespace: metav1.NamespaceSystem, Name: dnsName}] = &nameServer{e.api, e.network.ipv6}

	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.stop = stop
	e.keepAgents(running)
	e.run(running, e.engine.Run)
	e.run(running, e.proxy.run)
	e.run(running, e.kubelet.run)
	return e.awaitDNS(ctx)
}

func (e *embedded) engineConfig() engine.Config {
	config := engine.Config{Client: e.client, Faults: e.options.Faults, Away: away, Logf: e.options.Logf}
	for _, m := range e.network.nodes {
		config.Nodes = append(config.Nodes, engine.Node{Name: m.Name, NetNS: m.fd(), Addrs: m.Addrs})
	}
	return config
}

// run runs a part of the cluster until it is closed.
func (e *embedded) run(ctx context.Context, part func(context.Context) error) {
	e.wg.Go(func() {
		if err := part(ctx); err != nil && ctx.Err() == nil {
			e.options.Logf("embedded cluster: %v", err)
		}
	})
}

// awaitDNS returns when the cluster's DNS serves.
func (e *embedded) awaitDNS(ctx context.Context) error {
	w, err := e.api.watch(podsResource, filter{namespace: metav1.NamespaceSystem}, "")
	if err != nil {
		return err
	}
	defer w.Stop()
	for {
		select {
		case event := <-w.ResultChan():
			if pod, ok := event.Object.(*corev1.Pod); ok && serves(pod) {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("waiting for the cluster's DNS: %w", ctx.Err())
		}
	}
}

// populate creates what every cluster has from the beginning.
func (e *embedded) populate(ctx context.Context) error {
	for _, name := range ownNamespaces {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := e.client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("creating namespace %q: %w", name, err)
		}
	}
	for _, m := range e.network.nodes {
		if _, err := e.client.CoreV1().Nodes().Create(ctx, nodeObject(m), metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("creating node %q: %w", m.Name, err)
		}
	}
	for _, service := range []*corev1.Service{apiService(), dnsService()} {
		if _, err := e.client.CoreV1().Services(service.Namespace).Create(ctx, service, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("creating service %q: %w", service.Name, err)
		}
	}
	if _, err := e.client.CoreV1().Pods(metav1.NamespaceSystem).Create(ctx, dnsPod(e.network.nodes[0].Name), metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating pod %q: %w", dnsName, err)
	}
	return nil
}

func nodeObject(m *machine) *corev1.Node {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: m.Name, Labels: map[string]string{
		corev1.LabelHostname: m.Name, corev1.LabelOSStable: "linux",
	}}}
	for _, cidr := range m.podCIDRs {
		node.Spec.PodCIDRs = append(node.Spec.PodCIDRs, cidr.String())
	}
	node.Spec.PodCIDR = node.Spec.PodCIDRs[0]
	for _, a := range m.Addrs {
		node.Status.Addresses = append(node.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: a.String()})
	}
	node.Status.Addresses = append(node.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeHostName, Address: m.Name})
	node.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "EmbeddedReady", LastTransitionTime: metav1.Now().Rfc3339Copy(),
	}}
	node.Status.NodeInfo.KubeletVersion = kubernetesVersion + ".0+embedded"
	return node
}

// keepAgents runs the agents of the nodes and the outside hosts.
func (e *embedded) keepAgents(ctx context.Context) {
	for i, m := range e.network.nodes {
		e.keep(ctx, flow.Node(i+1), fmt.Sprintf("node/%d", i+1), m)
	}
	for i, m := range e.network.external {
		e.keep(ctx, flow.External(i+1), fmt.Sprintf("external/%d", i+1), m)
	}
}

func (e *embedded) keep(ctx context.Context, endpoint flow.Endpoint, identity string, m *machine) {
	k := newKeeper(e.launcher, m.namespace, identity)
	e.keepers[endpoint] = k
	e.wg.Go(func() {
		k.run(ctx, func(s agentState) {
			if s.problem != nil && ctx.Err() == nil {
				e.options.Logf("agent %s: %v", identity, s.problem)
			}
		})
	})
}

// Description says that this is the reference engine, and not a CNI.
func (e *embedded) Description() cluster.Description {
	ipv6, lacks := e.network.ipv6, map[string]string{}
	if !ipv6 {
		lacks["ipv6"] = "the kernel of this host has no IPv6"
	}
	return cluster.Description{
		Provider:       "embedded",
		Implementation: "reference engine",
		Kubernetes:     kubernetesVersion + " API (in memory)",
		Reference:      true,
		Faults:         e.options.Faults.Names(),
		Families:       families([]flow.Family{flow.IPv4, flow.IPv6}, ipv6),
		Protocols:      []flow.Protocol{flow.TCP, flow.UDP, flow.SCTP},
		Lacks:          lacks,
		PodCIDRs:       families(podCIDRs, ipv6),
		ExternalCIDRs:  families(externalCIDRs, ipv6),
		Ephemeral:      true,
		AgentImage:     "cniproof.dev/agent:embedded",
		Pace:           cluster.Pace{Within: 5 * time.Second, Hold: 150 * time.Millisecond, Poll: 2 * time.Millisecond},
	}
}

func (e *embedded) Client() kubernetes.Interface { return e.client }

func (e *embedded) External() []cluster.Host { return hosts(e.network.external) }

func (e *embedded) Nodes() []cluster.Host { return hosts(e.network.nodes) }

// Attach opens a control stream to an agent, over the agent's own unix socket: each
// stream is a connection of its own, so nothing of a closed one can reach the next.
func (e *embedded) Attach(ctx context.Context, agent flow.Endpoint) (io.ReadWriteCloser, error) {
	if agent.Kind == flow.KindPod {
		return e.kubelet.attach(ctx, agent.Namespace, agent.Name)
	}
	k, ok := e.keepers[agent]
	if !ok {
		return nil, fmt.Errorf("attaching to %s: it has no agent", agent)
	}
	return k.attach(ctx)
}

// away is how long nobody is at work while the reference engine restarts: about as long
// as a fast agent of a real plugin takes.
const away = 300 * time.Millisecond

// RestartCNI restarts the reference engine.
func (e *embedded) RestartCNI(ctx context.Context, meanwhile func(context.Context) error) error {
	return e.engine.Restart(ctx, meanwhile)
}

// Close ends every process and lets go of every namespace. It does not need ctx:
// nothing that it waits for can take long.
func (e *embedded) Close(context.Context) error {
	var err error
	e.closed.Do(func() { err = e.close() })
	return err
}

func (e *embedded) close() error {
	if e.stop != nil {
		e.stop()
	}
	e.wg.Wait()
	if e.api != nil {
		e.api.close()
	}
	var errs []error
	if e.proxy != nil {
		errs = append(errs, e.proxy.close())
	}
	if e.launcher != nil {
		errs = append(errs, e.launcher.close())
	}
	if e.network != nil {
		errs = append(errs, e.network.close())
	}
	return errors.Join(errs...)
}

// Cleanup ends agents whose cluster is gone.
func (p *provider) Cleanup(context.Context) ([]string, error) { return killOrphans() }
