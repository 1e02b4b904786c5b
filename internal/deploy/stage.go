// Package deploy puts a scenario's topology onto a cluster, carries out the steps'
// actions and takes everything away again. It knows nothing of verdicts.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Labels of what cniproof creates. LabelRun is on every namespace, so that
// `cniproof cleanup` finds what a killed run left behind.
const (
	LabelRun = cluster.LabelRun
	labelPod = "cniproof.dev/pod"
)

// labelSecurity asks for a Pod Security level. Probe pods are as the strictest one
// wants them, except where they need raw sockets.
const labelSecurity = "pod-security.kubernetes.io/enforce"

// ServicePort is the port of a pod's Service that leads to this port of the pod:
// 20000 above it, and round again from 1 past the last. It is never the pod's own
// number, so that an implementation which judges the one for the other is seen, and
// no two ports share one.
func ServicePort(port uint16) uint16 {
	const offset, ports = 20000, 65535
	return uint16((int(port)-1+offset)%ports + 1)
}

const systemNamespace = "kube-system"

// Stage is a topology that has been deployed: a set of namespaces of its own with
// probe pods and their Services. Stages do not disturb one another.
type Stage struct {
	cluster  cluster.Cluster
	api      kubernetes.Interface
	nodes    []int // by the scenario's number of a node, less one: its index on the cluster
	prefix   string
	run      string
	topology scenario.Topology

	pods     map[flow.Endpoint]*podState
	labels   map[string]map[string]string // of namespaces, as the API has them now
	system   map[string]string            // labels that steps put on kube-system
	policies map[scenario.PolicyKey]bool  // that exist now
	// End makes the agent of a pod, by its real name, end well. Steps that complete pods need it.
	End func(context.Context, flow.Endpoint) error
}

// podState is a pod as the API has it now.
type podState struct {
	pod      scenario.Pod
	labels   map[string]string
	addrs    []netip.Addr
	services []netip.Addr
	// nodePorts are those that lead to the pod's ports, on every node; 0: there is none.
	nodePorts map[flow.Port]uint16
	uid       string
	restarts  int32 // of its containers
	// completed is true for a pod that has ended well; had is the addresses that it then had.
	completed bool
	// terminating is true for a pod that is being deleted and goes on.
	terminating bool
	// unready is true for a pod that a step has made unready.
	unready   bool
	had       []netip.Addr
	debut     *Debut // nil but for pods that are started eagerly
	lastWords string // of the init container
}

// Up deploys a topology as stage number n of a run and waits until every pod is
// ready. What it could not finish is left to Down, so the stage is returned with
// the error as well.
func Up(ctx context.Context, c cluster.Cluster, run string, n int, t scenario.Topology) (*Stage, error) {
	s := &Stage{
		cluster:  c,
		api:      c.Client(),
		nodes:    spread(len(c.Nodes()), n),
		prefix:   fmt.Sprintf("cniproof-%s-%d-", run, n),
		run:      run,
		topology: t,
		pods:     map[flow.Endpoint]*podState{},
		labels:   map[string]map[string]string{},
		system:   map[string]string{},
		policies: map[scenario.PolicyKey]bool{},
	}
	for _, ns := range t.Namespaces {
		s.labels[ns.Name] = maps.Clone(ns.Labels)
	}
	for _, p := range t.Pods {
		s.pods[p.Endpoint()] = &podState{pod: p, labels: maps.Clone(p.Labels)}
	}
	err := each(t.Namespaces, func(ns scenario.Namespace) error { return s.createNamespace(ctx, ns) })
	if err == nil {
		err = each(t.Pods, func(p scenario.Pod) error { return s.createPod(ctx, s.pods[p.Endpoint()]) })
	}
	if err == nil {
		err = s.awaitPods(ctx)
	}
	return s, err
}

// each does something for every item at the same time, and joins what went wrong.
func each[T any](list []T, do func(T) error) error {
	errs := make([]error, len(list))
	var group sync.WaitGroup
	for i, item := range list {
		group.Go(func() { errs[i] = do(item) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// spread maps a stage's numbers of nodes to those of the cluster, so that stages use
// different pairs of nodes where there are more than two.
func spread(nodes, stage int) []int {
	list := make([]int, nodes)
	for i := range list {
		list[i] = (2*stage + i) % nodes
	}
	return list
}

// Down removes the stage's namespaces with all that is in them, and the labels
// that its steps put elsewhere.
func (s *Stage) Down(ctx context.Context) error {
	return errors.Join(s.resetSystem(ctx), s.hurry(ctx, s.topology.Terminating), each(s.topology.Namespaces, func(ns scenario.Namespace) error {
		err := s.api.CoreV1().Namespaces().Delete(ctx, s.real(ns.Name), metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("deleting namespace %q: %w", s.real(ns.Name), err)
		}
		return nil
	}))
}

// real is the real name of the scenario's namespace. The scenario's name stands
// last, so that names which collide when they are joined still do.
func (s *Stage) real(namespace string) string {
	if namespace == systemNamespace {
		return namespace
	}
	return s.prefix + namespace
}

// Agent is the endpoint under which the cluster knows an endpoint of the scenario.
func (s *Stage) Agent(e flow.Endpoint) flow.Endpoint {
	if e.Kind == flow.KindPod {
		return flow.Pod(s.real(e.Namespace), e.Name)
	}
	for n, index := range s.nodes {
		if e == flow.Node(n+1) {
			return flow.Node(index + 1)
		}
	}
	return e
}

// Binding is what the scenario's names stand for now.
func (s *Stage) Binding() scenario.Binding {
	d := s.cluster.Description()
	b := scenario.Binding{
		Namespaces:    map[string]string{systemNamespace: systemNamespace},
		Addresses:     map[flow.Endpoint][]netip.Addr{},
		PodCIDRs:      d.PodCIDRs,
		ExternalCIDRs: d.ExternalCIDRs,
	}
	for _, ns := range s.topology.Namespaces {
		b.Namespaces[ns.Name] = s.real(ns.Name)
	}
	for e, p := range s.pods {
		b.Addresses[e] = p.addrs
	}
	for i, h := range s.cluster.External() {
		b.Addresses[flow.External(i+1)] = h.Addrs
	}
	nodes := s.cluster.Nodes()
	for i, index := range s.nodes {
		b.Addresses[flow.Node(i+1)] = nodes[index].Addrs
	}
	return b
}

// Services are the ClusterIPs of a pod's Service.
func (s *Stage) Services(pod flow.Endpoint) []netip.Addr {
	if p := s.pods[pod]; p != nil {
		return p.services
	}
	return nil
}

// NodePort is where a flow over a node's port is to be dialled; none where the node has
// no address of the family.
func (s *Stage) NodePort(f flow.Flow) (netip.AddrPort, bool) {
	p := s.pods[f.Destination]
	if p == nil {
		return netip.AddrPort{}, false
	}
	node := p.pod.Node
	if f.Via == flow.FarNodePort {
		node = node%s.topology.NodeCount() + 1
	}
	for port, number := range p.nodePorts {
		if port.Number != f.Port || port.Protocol != f.Protocol || number == 0 {
			continue
		}
		for _, a := range s.Binding().Addresses[flow.Node(node)] {
			if flow.FamilyOf(a) == f.Family {
				return netip.AddrPortFrom(a, number), true
			}
		}
	}
	return netip.AddrPort{}, false
}

func (s *Stage) createNamespace(ctx context.Context, ns scenario.Namespace) error {
	labels := map[string]string{LabelRun: s.run, "app.kubernetes.io/managed-by": "cniproof", labelSecurity: "restricted"}
	if s.privileged() {
		labels[labelSecurity] = "privileged"
	}
	if owner := s.cluster.Description().Owner; owner != "" {
		labels[cluster.LabelOwner] = owner
	}
	maps.Copy(labels, ns.Labels)
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.real(ns.Name), Labels: labels}}
	if _, err := s.api.CoreV1().Namespaces().Create(ctx, object, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating namespace %q: %w", object.Name, err)
	}
	return nil
}
