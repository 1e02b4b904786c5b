package engine

import (
	"cmp"
	"net/netip"
	"reflect"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// key names an object. Namespace is empty for a namespace.
type key struct{ namespace, name string }

func (k key) String() string { return k.namespace + "/" + k.name }

func (k key) compare(other key) int {
	return cmp.Or(cmp.Compare(k.namespace, other.namespace), cmp.Compare(k.name, other.name))
}

// pod is what the engine needs to know of a pod.
type pod struct {
	key    key
	labels map[string]string
	node   string
	addrs  []netip.Addr
	ports  []containerPort
	// had is the addresses of a pod that has ended: they may be somebody else's by now.
	had []netip.Addr
	// born is when a faulty engine first saw the pod with an address, for as long as it
	// makes a difference.
	born time.Time
	// as is the namespace that a faulty engine takes the pod to be of; "": its own.
	as string
	// turned is how many changes of pods and namespaces there had been when it came, or its
	// labels changed; 0: only a faulty engine counts.
	turned uint64
	// leaving is true from the moment that the pod is told to stop.
	leaving bool
	// leftAt is how many policies there had been then; only a faulty engine counts.
	leftAt uint64
	// unready is true while the API says that the pod is not ready; only a faulty engine looks.
	unready bool
}

// containerPort is a port that a container gave a name to.
type containerPort struct {
	name string
	port port
}

// policy is a NetworkPolicy. Its spec is never written to.
type policy struct {
	key     key
	spec    *networkingv1.NetworkPolicySpec
	created uint64 // counts the policies of the store
	asOf    uint64 // how many changes of pods and namespaces there had been when it last changed
	lost    losses // only a faulty engine loses anything
}

// says reports whether the other one is of the same name and says the same.
func (p *policy) says(other *policy) bool {
	return p.key == other.key && reflect.DeepEqual(p.spec, other.spec)
}

// namespace is where the pod is, for all that selects pods.
func (p *pod) namespace() string { return cmp.Or(p.as, p.key.namespace) }

// newPod reads a pod. A pod that shares its node's network or has ended has no
// addresses: they are the node's, or somebody else's by now.
func newPod(p *corev1.Pod, faults Faults) *pod {
	out := &pod{
		key:     key{p.Namespace, p.Name},
		labels:  p.Labels,
		as:      claimed(p.Labels, faults),
		node:    p.Spec.NodeName,
		leaving: p.DeletionTimestamp != nil,
		unready: faults.goesByReadiness() && saysUnready(&p.Status),
	}
	if !p.Spec.HostNetwork && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
		out.addrs = podAddrs(&p.Status)
	} else if !p.Spec.HostNetwork {
		out.had = podAddrs(&p.Status)
	}
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways && !faults.Has(InitSidecarForgotten) {
			out.addPorts(c.Ports)
		}
	}
	for i, c := range p.Spec.Containers {
		if i == 0 || !faults.Has(SecondContainerForgotten) {
			out.addPorts(c.Ports)
		}
	}
	return out
}

func (p *pod) addPorts(list []corev1.ContainerPort) {
	for _, cp := range list {
		if cp.Name != "" {
			p.ports = append(p.ports, containerPort{cp.Name, newPort(protocolNumber(&cp.Protocol), uint16(cp.ContainerPort))})
		}
	}
}

func podAddrs(status *corev1.PodStatus) []netip.Addr {
	texts := make([]string, 0, len(status.PodIPs)+1)
	for _, ip := range status.PodIPs {
		texts = append(texts, ip.IP)
	}
	if len(texts) == 0 {
		texts = append(texts, status.PodIP)
	}
	var out []netip.Addr
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil && !slices.Contains(out, a.Unmap()) {
			out = append(out, a.Unmap())
		}
	}
	return out
}

// protocolNumber is the IP protocol number; an absent or empty word means TCP.
func protocolNumber(p *corev1.Protocol) uint8 {
	if p == nil {
		return protocolTCP
	}
	switch *p {
	case corev1.ProtocolUDP:
		return protocolUDP
	case corev1.ProtocolSCTP:
		return protocolSCTP
	case corev1.ProtocolTCP:
	}
	return protocolTCP
}

// The IP protocols that have ports.
const (
	protocolTCP  uint8 = 6
	protocolUDP  uint8 = 17
	protocolSCTP uint8 = 132
)
