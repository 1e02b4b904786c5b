package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/cniproof/cniproof/internal/cluster/agentimage"
)

// outsideHosts is how many hosts outside the cluster scenarios may need.
const outsideHosts = 2

// outsideHost is a container beside the nodes that belongs to no cluster. It is made
// from the nodes' image, which is there anyway and has the tool that sets its routes.
type outsideHost struct {
	docker docker
	name   string
	addrs  []netip.Addr
}

func (o outsideHost) attach(ctx context.Context) (io.ReadWriteCloser, error) {
	return o.docker.stream(ctx, o.name, agentimage.Path, "connect")
}

// startOutside runs the hosts outside and gives them routes to the pods: through the
// node that has a range, and through the first node for all other pods.
func (m *parts) startOutside(ctx context.Context, api kubernetes.Interface, image *agentimage.Image) error {
	if m.network == nil {
		return nil
	}
	nodes, err := api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing the nodes: %w", err)
	}
	containers, err := m.kind.ListNodes(m.name)
	if err != nil || len(containers) == 0 {
		return fmt.Errorf("listing the nodes of cluster %q: %d found, %w", m.name, len(containers), err)
	}
	nodeImage, err := m.docker.run(ctx, nil, "container", "inspect", "--format", "{{.Image}}", containers[0].String())
	if err != nil {
		return err
	}
	archive, err := agentimage.Archive(image.Agent())
	if err != nil {
		return fmt.Errorf("packing the agent: %w", err)
	}
	routes := routes(nodes.Items, m.podCIDRs())
	for i := range outsideHosts {
		o := outsideHost{docker: m.docker, name: fmt.Sprintf("%s-outside-%d", m.name, i+1), addrs: m.network.outsideAddrs(i)}
		if err := m.startHost(ctx, o, i+1, nodeImage, archive, routes); err != nil {
			return fmt.Errorf("starting outside host %q: %w", o.name, err)
		}
	}
	return nil
}

func (m *parts) podCIDRs() []netip.Prefix {
	if m.shape == nil {
		return nil
	}
	return m.shape.podCIDRs()
}

func (m *parts) startHost(ctx context.Context, o outsideHost, number int, nodeImage string, archive []byte, routes map[string]string) error {
	m.outside = append(m.outside, o)
	args := append([]string{"container", "create", "--name", o.name, "--hostname", o.name}, m.labels()...)
	args = append(args, "--network", m.network.name, "--entrypoint", agentimage.Path,
		"--env", "CNIPROOF_IDENTITY=external/"+strconv.Itoa(number), "--sysctl", "net.ipv4.ip_unprivileged_port_start=0")
	for _, a := range o.addrs {
		args = append(args, map[bool]string{true: "--ip", false: "--ip6"}[a.Is4()], a.String())
	}
	args = append(args, nodeImage, "--control", "socket")
	if _, err := m.docker.run(ctx, nil, args...); err != nil {
		return err
	}
	if _, err := m.docker.run(ctx, bytes.NewReader(archive), "cp", "-", o.name+":/"); err != nil {
		return err
	}
	if _, err := m.docker.run(ctx, nil, "start", o.name); err != nil {
		return err
	}
	for family, batch := range routes {
		_, err := m.docker.run(ctx, strings.NewReader(batch), "exec", "--privileged", "-i", o.name, "ip", family, "-batch", "-")
		if err != nil {
			return err
		}
	}
	return nil
}

// routes are batches for ip, by its option for the family.
func routes(nodes []corev1.Node, pods []netip.Prefix) map[string]string {
	batches := map[string]string{}
	add := func(to netip.Prefix, node corev1.Node) {
		for _, a := range node.Status.Addresses {
			addr, err := netip.ParseAddr(a.Address)
			if err == nil && a.Type == corev1.NodeInternalIP && addr.Is4() == to.Addr().Is4() {
				family := map[bool]string{true: "-4", false: "-6"}[addr.Is4()]
				batches[family] += fmt.Sprintf("route replace %s via %s\n", to, addr)
			}
		}
	}
	for _, n := range nodes {
		for _, text := range n.Spec.PodCIDRs {
			if cidr, err := netip.ParsePrefix(text); err == nil {
				add(cidr, n)
			}
		}
	}
	for _, cidr := range pods {
		if len(nodes) > 0 {
			add(cidr, nodes[0])
		}
	}
	return batches
}

// forgetDeadHosts removes hosts outside that an earlier run left beside a cluster
// which is used again.
func (m *parts) forgetDeadHosts(ctx context.Context) error {
	list, err := m.docker.owned(ctx, "container")
	if err != nil {
		return err
	}
	for _, f := range list {
		if f.cluster != m.name {
			continue
		}
		who, err := parseOwner(f.owner)
		if err != nil {
			return err
		}
		if alive, err := who.alive(); alive || err != nil {
			return fmt.Errorf("cluster %q is in use by another run: %w", m.name, errors.Join(err, fmt.Errorf("container %q belongs to process %d on %q", f.name, who.pid, who.host)))
		}
		if err := m.docker.removeContainer(ctx, f.name); err != nil {
			return err
		}
	}
	return nil
}
