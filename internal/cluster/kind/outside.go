package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"

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

// startOutside runs the hosts outside and keeps their routes to the pods.
func (m *parts) startOutside(ctx context.Context, api kubernetes.Interface, image *agentimage.Image) error {
	if m.network == nil {
		return nil
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
	for i := range outsideHosts {
		o := outsideHost{docker: m.docker, name: fmt.Sprintf("%s-outside-%d", m.name, i+1), addrs: m.network.outsideAddrs(i)}
		m.outside = append(m.outside, o)
		if err := m.startHost(ctx, o, i+1, nodeImage, archive); err != nil {
			return fmt.Errorf("starting outside host %q: %w", o.name, err)
		}
	}
	m.routes, err = startRouter(ctx, api, m.outside)
	return err
}

func (m *parts) startHost(ctx context.Context, o outsideHost, number int, nodeImage string, archive []byte) error {
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
	_, err := m.docker.run(ctx, nil, "start", o.name)
	return err
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
