package scenario

import (
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
)

// dnsPorts is what the cluster's DNS service serves.
func dnsPorts() []flow.Port {
	return []flow.Port{{Number: 53, Protocol: flow.UDP}, {Number: 53, Protocol: flow.TCP}}
}

// Flows is the scenario's matrix, complete and sorted by flow.Compare: every
// flow between two different endpoints of the topology, along the given axes.
// Flows of a pod to itself, and those of ICMP, are left out unless the topology asks for
// them, because nothing is promised about them.
func (s *Scenario) Flows(axes Axes) []flow.Flow {
	m := matrix{axes: axes, nodes: s.Topology.places()}
	m.podFlows(s.Topology)
	m.externalFlows(s.Topology)
	m.nodeFlows(s.Topology)
	m.dnsFlows(s.Topology)
	m.echoFlows(s.Topology)
	m.nodePortFlows(s.Topology)
	m.establishedFlows(s.Topology)
	slices.SortFunc(m.flows, flow.Compare)
	return slices.Compact(m.flows)
}

// NodeCount is the number of nodes that the topology needs: the highest one that
// a pod is placed on.
func (t Topology) NodeCount() int {
	n := 0
	for _, p := range t.Pods {
		n = max(n, p.Node)
	}
	return n
}

type matrix struct {
	axes  Axes
	nodes map[flow.Endpoint]int
	flows []flow.Flow
}

func (m *matrix) podFlows(t Topology) {
	vias := []flow.Via{flow.PodIP, flow.ClusterIP, flow.ByName}
	if t.Direct {
		vias = vias[:1]
	}
	for _, from := range t.Pods {
		for _, to := range t.Pods {
			if t.Itself || from.Endpoint() != to.Endpoint() {
				m.add(from.Endpoint(), to.Endpoint(), to.Ports, vias...)
			}
		}
	}
}

func (m *matrix) externalFlows(t Topology) {
	for n := 1; n <= t.External.Hosts; n++ {
		for _, p := range t.Pods {
			m.add(flow.External(n), p.Endpoint(), p.Ports, flow.PodIP)
			m.add(p.Endpoint(), flow.External(n), t.External.Ports, flow.PodIP)
		}
	}
}

func (m *matrix) nodeFlows(t Topology) {
	if !t.Nodes.Probed {
		return
	}
	for n := 1; n <= t.NodeCount(); n++ {
		for _, p := range t.Pods {
			m.add(flow.Node(n), p.Endpoint(), p.Ports, flow.PodIP)
			m.add(p.Endpoint(), flow.Node(n), t.Nodes.Ports, flow.PodIP)
		}
	}
}

func (m *matrix) dnsFlows(t Topology) {
	if !t.DNS {
		return
	}
	for _, p := range t.Pods {
		m.add(p.Endpoint(), flow.DNS(), dnsPorts(), flow.ClusterIP)
	}
}

// echoFlows are the same whichever protocols are chosen: no policy can name ICMP.
func (m *matrix) echoFlows(t Topology) {
	if !t.Echo || !slices.Contains(m.axes.Vias, flow.PodIP) {
		return
	}
	for _, from := range t.Pods {
		for _, to := range t.Pods {
			m.echo(from.Endpoint(), to.Endpoint())
		}
		for n := 1; n <= t.External.Hosts; n++ {
			m.echo(from.Endpoint(), flow.External(n))
			m.echo(flow.External(n), from.Endpoint())
		}
	}
}

// nodePortFlows are there whichever paths are chosen, but for those to Services alone.
func (m *matrix) nodePortFlows(t Topology) {
	if !t.NodePort || !slices.Contains(m.axes.Vias, flow.PodIP) {
		return
	}
	vias := []flow.Via{flow.NodePort, flow.FarNodePort}
	if t.NodeCount() < 2 {
		vias = vias[:1]
	}
	also := *m
	also.axes.Vias = vias
	for _, to := range t.Pods {
		for _, from := range t.Pods {
			if from.Endpoint() != to.Endpoint() {
				also.add(from.Endpoint(), to.Endpoint(), to.Ports, vias...)
			}
		}
		for n := 1; n <= t.External.Hosts; n++ {
			also.add(flow.External(n), to.Endpoint(), to.Ports, vias...)
		}
	}
	m.flows = also.flows
}

// establishedFlows are one connection for each flow of TCP between pods.
func (m *matrix) establishedFlows(t Topology) {
	if !t.Established {
		return
	}
	var open []flow.Flow
	for _, f := range m.flows {
		if f.Protocol == flow.TCP && f.Via == flow.PodIP && f.Source.Kind == flow.KindPod && f.Destination.Kind == flow.KindPod && !f.Unsettled() {
			f.Via = flow.Established
			open = append(open, f)
		}
	}
	m.flows = append(m.flows, open...)
}

func (m *matrix) echo(from, to flow.Endpoint) {
	if from != to && m.placed(from, to) {
		m.addFamilies(flow.Flow{Source: from, Destination: to, Protocol: flow.ICMP, Via: flow.PodIP})
	}
}

// add spreads one pair of endpoints along the axes.
func (m *matrix) add(from, to flow.Endpoint, ports []flow.Port, vias ...flow.Via) {
	if !m.placed(from, to) {
		return
	}
	for _, port := range ports {
		if !slices.Contains(m.axes.Protocols, port.Protocol) {
			continue
		}
		for _, via := range vias {
			if slices.Contains(m.axes.Vias, via) {
				m.addFamilies(flow.Flow{Source: from, Destination: to, Protocol: port.Protocol, Port: port.Number, Via: via})
			}
		}
	}
}

func (m *matrix) addFamilies(f flow.Flow) {
	for _, family := range m.axes.Families {
		f.Family = family
		m.flows = append(m.flows, f)
	}
}
