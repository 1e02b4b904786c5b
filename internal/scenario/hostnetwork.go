package scenario

import (
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
)

// The ports that a pod on its node's network may serve: without a privilege, and none
// that a node gives to Services or to those who dial.
const (
	firstHostPort = 1024
	lastHostPort  = 29999
)

// onHost are the pods on their nodes' network.
func (t Topology) onHost() map[flow.Endpoint]bool {
	found := map[flow.Endpoint]bool{}
	for _, p := range t.Pods {
		if p.HostNetwork {
			found[p.Endpoint()] = true
		}
	}
	return found
}

// OnHost reports whether the flow has an end that is on its node's network: no
// specification settles what becomes of it.
func (t Topology) OnHost(f flow.Flow) bool {
	return slices.ContainsFunc(t.Pods, func(p Pod) bool {
		return p.HostNetwork && (p.Endpoint() == f.Source || p.Endpoint() == f.Destination)
	})
}

func (d *decoder) hostPorts(ports []flow.Port, path string) {
	for _, p := range ports {
		switch {
		case p.Name != "":
			d.Wrong(path, "port %s has a name, which pods on the host's network cannot give: remove it", p)
		case p.Number < firstHostPort || p.Number > lastHostPort || p.Protocol == flow.SCTP:
			d.Wrong(path, "port %s is the host's own: with hostNetwork, choose TCP or UDP, from %d to %d", p, firstHostPort, lastHostPort)
		}
	}
}

// alone demands that a pod on the host's network has one container: two of them on a node
// would listen on one and the same socket for their second.
func (d *decoder) alone(sidecar []flow.Port, path string) {
	if len(sidecar) > 0 {
		d.Wrong(path, "pods on the host's network have no second container: move its ports to ports, without names")
	}
}

// hostPortsClash reports ports that two pods of one node serve on its network.
func (d *decoder) hostPortsClash(t Topology, at string) {
	type place struct {
		node int
		port flow.Port
	}
	served := map[place]flow.Endpoint{}
	for _, p := range t.Pods {
		for _, port := range p.Ports {
			here := place{p.Node, port}
			if other, taken := served[here]; taken && p.HostNetwork {
				d.Wrong(at, "%s and %s both serve %s on the network of node %d", other, p.Endpoint(), port, p.Node)
			}
			if p.HostNetwork {
				served[here] = p.Endpoint()
			}
		}
	}
}

// ownNetwork reports a pod on the host's network whose life a step would change: its
// address is always the node's, and its ports may be in use still.
func (b *builder) ownNetwork(pod flow.Endpoint, path string) {
	if b.s.Topology.onHost()[pod] {
		b.Wrong(path, "pod %q is on its node's network: it can be labelled, and no more", pod.String())
	}
}
