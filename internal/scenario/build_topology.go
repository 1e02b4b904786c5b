package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/spelling"
	"github.com/cniproof/cniproof/internal/strict"
)

// Bounds of a topology.
const (
	maxPods          = 100
	maxFlows         = 100_000
	maxHosts         = 16
	minDatagram      = 64
	maxDatagram      = 9000
	maxStream        = 100_000
	maxNamespaceName = 40
	reservedLabels   = "cniproof.dev/"
)

// topologyFile reads the document of a shared topology.
func (d *decoder) topologyFile(n *yaml.Node) Topology {
	var doc topologyFile
	d.Document(n, "", &doc)
	d.Shaped()
	d.header(doc.APIVersion, doc.Kind, "")
	if doc.Kind != kindTopology {
		d.Wrong("kind", "must be %s, not %q", kindTopology, doc.Kind)
	}
	d.nameIsStem(doc.Metadata.Name)
	t := d.topology(doc.Spec, "spec")
	t.Name = doc.Metadata.Name
	return t
}

func (d *decoder) nameIsStem(name string) {
	if want := stem(d.File); name == "" {
		d.Wrong("metadata.name", "is missing: write name: %s, after the file", want)
	} else if name != want {
		d.Wrong("metadata.name", "is %q, but the file is called %s: the two must be alike", name, want)
	}
}

// topology checks what was written and puts it in order.
func (d *decoder) topology(doc topologyDoc, at string) Topology {
	t := Topology{DNS: doc.DNS, Direct: doc.Direct, Datagram: doc.Datagram, Stream: doc.Stream, Itself: doc.Itself, Echo: doc.Echo, Established: doc.Established, Readiness: doc.Readiness, NodePort: doc.NodePort}
	for _, name := range slices.Sorted(maps.Keys(doc.Namespaces)) {
		path := strict.Entry(strict.Child(at, "namespaces"), name)
		d.namespaceName(name, path)
		d.labels(doc.Namespaces[name].Labels, strict.Child(path, "labels"))
		t.Namespaces = append(t.Namespaces, Namespace{name, doc.Namespaces[name].Labels})
	}
	for _, key := range slices.Sorted(maps.Keys(doc.Pods)) {
		if p, ok := d.pod(key, doc.Pods[key], t, strict.Entry(strict.Child(at, "pods"), key)); ok {
			t.Pods = append(t.Pods, p)
		}
	}
	slices.SortFunc(t.Pods, comparePods)
	if len(doc.Pods) == 0 || len(doc.Pods) > maxPods {
		d.Wrong(strict.Child(at, "pods"), "must name 1 to %d pods", maxPods)
	}
	t.External = d.external(doc.External, strict.Child(at, "external"))
	if path := strict.Child(at, "nodes"); d.Lines.Has(path) {
		t.Nodes = Nodes{Probed: true, Ports: d.ports(doc.Nodes.Ports, strict.Child(path, "ports"))}
	}
	if t.Datagram != 0 && (t.Datagram < minDatagram || t.Datagram > maxDatagram) {
		d.Wrong(strict.Child(at, "datagram"), "is %d: datagrams have %d to %d bytes", t.Datagram, minDatagram, maxDatagram)
	}
	if t.Stream != 0 && (t.Stream < minDatagram || t.Stream > maxStream) {
		d.Wrong(strict.Child(at, "stream"), "is %d: TCP probes send %d to %d bytes", t.Stream, minDatagram, maxStream)
	}
	if path := strict.Child(at, "sourcePort"); d.Lines.Has(path) {
		t.SourcePort = SourcePort(doc.SourcePort.String())
		d.sourcePort(t, path)
	}
	if t.NodePort && t.Direct {
		d.Wrong(strict.Child(at, "nodePort"), "needs Services, and direct says that there are none: remove one of the two")
	}
	if t.Readiness && t.Direct {
		d.Wrong(strict.Child(at, "readiness"), "shows by what becomes of Services, and direct says that there are none: remove one of the two")
	}
	d.hostPortsClash(t, strict.Child(at, "pods"))
	d.size(t, at)
	return t
}

// size keeps a matrix from being empty, and from being too large to be probed.
func (d *decoder) size(t Topology, at string) {
	served := len(t.External.Ports) + len(t.Nodes.Ports) + len(dnsPorts())
	for _, p := range t.Pods {
		served += len(p.Ports)
	}
	if served == len(dnsPorts()) && !t.DNS {
		d.Wrong(strict.Child(at, "pods"), "nothing serves a port, so that there is no flow to probe: write ports: [80/TCP]")
	}
	sources := len(t.Pods) + t.External.Hosts + t.NodeCount()
	if flows := 4 * served * sources; flows > maxFlows {
		d.Wrong(strict.Child(at, "pods"), "the matrix has about %d flows: no more than %d can be probed", flows, maxFlows)
	}
}

func comparePods(a, b Pod) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

func (d *decoder) namespaceName(name, path string) {
	switch name {
	case "external", "node":
		d.Wrong(path, "%q has a meaning of its own in flow lines: choose another name", name)
	case kubeSystem:
		d.Wrong(path, "kube-system is always there: remove it here; label steps and ${ns.kube-system} may name it, pods cannot be put there")
	default:
		d.Wrongs(path, validation.IsDNS1123Label(name))
		if len(name) > maxNamespaceName {
			d.Wrong(path, "must be no more than %d characters, because a run adds to it", maxNamespaceName)
		}
	}
}

func (d *decoder) pod(key string, doc podDoc, t Topology, path string) (Pod, bool) {
	namespace, name, ok := strings.Cut(key, "/")
	if !ok {
		d.Wrong(path, "must be NAMESPACE/POD")
		return Pod{}, false
	}
	if namespace == kubeSystem {
		d.Wrong(path, "pods cannot be put into kube-system")
	} else if !t.hasNamespace(namespace) {
		d.Wrong(path, "namespace %q is not in the topology: %s", namespace, spelling.Suggest(namespace, t.namespaceNames()))
	}
	d.Wrongs(path, validation.IsDNS1035Label(name))
	d.labels(doc.Labels, strict.Child(path, "labels"))
	d.nodeNumber(doc.Node, strict.Child(path, "node"))
	ports := d.ports(doc.Ports, strict.Child(path, "ports"))
	sidecar := d.portsBeside(ports, doc.Sidecar, strict.Child(path, "sidecar"))
	ports = append(ports, sidecar...)
	initSidecar := d.portsBeside(ports, doc.InitSidecar, strict.Child(path, "initSidecar"))
	ports = append(ports, initSidecar...)
	if doc.HostNetwork {
		d.hostPorts(ports, strict.Child(path, "ports"))
		d.alone(sidecar, strict.Child(path, "sidecar"))
		d.alone(initSidecar, strict.Child(path, "initSidecar"))
	}
	return Pod{namespace, name, doc.Labels, min(doc.Node, maxHosts), ports, doc.HostNetwork, sidecar, initSidecar}, true
}

func (d *decoder) nodeNumber(node int, path string) {
	if !d.Lines.Has(path) {
		d.Wrong(path, "is missing: write node: 1 or node: 2")
	} else if node < 1 || node > maxHosts {
		d.Wrong(path, "must be from 1 to %d, not %d: nodes are counted from 1", maxHosts, node)
	}
}

func (d *decoder) external(doc externalDoc, path string) External {
	if !d.Lines.Has(path) {
		return External{}
	}
	if !d.Lines.Has(strict.Child(path, "hosts")) {
		doc.Hosts = 1
	}
	if doc.Hosts < 1 || doc.Hosts > maxHosts {
		d.Wrong(strict.Child(path, "hosts"), "must be from 1 to %d, not %d", maxHosts, doc.Hosts)
	}
	return External{Hosts: min(doc.Hosts, maxHosts), Ports: d.ports(doc.Ports, strict.Child(path, "ports"))}
}

// labels checks labels that a scenario sets.
func (d *decoder) labels(labels map[string]string, path string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		value := labels[key]
		d.label(key, &value, strict.Entry(path, key))
	}
}

// nameLabel is what the API server gives to every namespace.
const nameLabel = "kubernetes.io/metadata.name"

func (d *decoder) label(key string, value *string, path string) {
	switch {
	case strings.HasPrefix(key, reservedLabels):
		d.Wrong(path, "labels that begin with %s are cniproof's own: choose another key", reservedLabels)
	case key == nameLabel:
		d.Wrong(path, "is set by the API server: remove it here")
	default:
		d.Wrongs(path, validation.IsQualifiedName(key))
	}
	if value != nil {
		d.Wrongs(path, validation.IsValidLabelValue(*value))
	}
}

// ports reads ports of the form [NAME=]NUMBER/PROTOCOL.
func (d *decoder) ports(texts []string, path string) []flow.Port {
	return d.portsBeside(nil, texts, path)
}

// portsBeside reads ports that stand beside others in one pod.
func (d *decoder) portsBeside(others []flow.Port, texts []string, path string) []flow.Port {
	var ports []flow.Port
	for i, text := range texts {
		at := strict.Index(path, i)
		p, err := parsePort(text)
		if err != nil {
			d.Wrong(at, "%v", err)
			continue
		}
		d.portOnce(p, slices.Concat(others, ports), at)
		ports = append(ports, p)
	}
	return ports
}

func (d *decoder) portOnce(p flow.Port, before []flow.Port, at string) {
	for _, other := range before {
		switch {
		case other.Number == p.Number && other.Protocol == p.Protocol:
			d.Wrong(at, "port %s is listed twice", p)
		case other.Name != "" && other.Name == p.Name:
			d.Wrong(at, "port name %q is used twice in one pod", p.Name)
		}
	}
}

func parsePort(text string) (flow.Port, error) {
	name, rest, named := strings.Cut(text, "=")
	if !named {
		rest = text
	}
	number, word, ok := strings.Cut(rest, "/")
	var p flow.Port
	if !ok || p.Protocol.UnmarshalText([]byte(word)) != nil || p.Protocol == flow.ProtocolUnknown || p.Protocol == flow.ICMP {
		return p, fmt.Errorf("port %q must be NUMBER/PROTOCOL or NAME=NUMBER/PROTOCOL, with TCP, UDP or SCTP", text)
	}
	var err error
	if p.Number, err = parsePortNumber(number); err != nil {
		return p, err
	}
	if !named {
		return p, nil
	}
	p.Name = name
	if rules := validation.IsValidPortName(name); len(rules) > 0 {
		return p, fmt.Errorf("port name %q: %s", name, strings.Join(rules, "; "))
	}
	return p, nil
}

func (t Topology) hasNamespace(name string) bool {
	return slices.ContainsFunc(t.Namespaces, func(ns Namespace) bool { return ns.Name == name })
}

func (t Topology) hasPod(e flow.Endpoint) bool {
	return slices.ContainsFunc(t.Pods, func(p Pod) bool { return p.Endpoint() == e })
}

func (t Topology) namespaceNames() []string {
	var list []string
	for _, ns := range t.Namespaces {
		list = append(list, ns.Name)
	}
	return list
}

func (t Topology) podNames() []string {
	var list []string
	for _, p := range t.Pods {
		list = append(list, p.Endpoint().String())
	}
	return list
}
