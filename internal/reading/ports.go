package reading

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/scenario"
)

type portList = []networkingv1.NetworkPolicyPort

// noName is a name that no pod gives a port: an entry with it opens nothing.
const noName = "cniproof-none"

// eachPort replaces every port entry of every rule by others, at least one.
func eachPort(change func(networkingv1.NetworkPolicyPort) portList) func(*networkingv1.NetworkPolicy) {
	return func(p *networkingv1.NetworkPolicy) {
		eachRule(p, func(_ *[]networkingv1.NetworkPolicyPeer, ports *[]networkingv1.NetworkPolicyPort) {
			var made portList
			for _, port := range *ports {
				made = append(made, change(port)...)
			}
			*ports = made
		})
	}
}

func isNamed(p networkingv1.NetworkPolicyPort) bool {
	return p.Port != nil && p.Port.Type == intstr.String
}

func openNothing(p networkingv1.NetworkPolicyPort) networkingv1.NetworkPolicyPort {
	name := intstr.FromString(noName)
	p.Port, p.EndPort = &name, nil
	return p
}

func anyPort(p *networkingv1.NetworkPolicy) {
	eachRule(p, func(_ *[]networkingv1.NetworkPolicyPeer, ports *[]networkingv1.NetworkPolicyPort) { *ports = nil })
}

// everyProtocol is an entry for each protocol.
func everyProtocol(p networkingv1.NetworkPolicyPort) portList {
	var list portList
	for _, protocol := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP} {
		p.Protocol = &protocol
		list = append(list, p)
	}
	return list
}

func anyProtocol(p *networkingv1.NetworkPolicy) { eachPort(everyProtocol)(p) }

func namedOpensAll(p *networkingv1.NetworkPolicy) {
	eachPort(func(port networkingv1.NetworkPolicyPort) portList {
		if !isNamed(port) {
			return portList{port}
		}
		port.Port = nil
		return everyProtocol(port)
	})(p)
}

func namedOpensNothing(p *networkingv1.NetworkPolicy) {
	eachPort(func(port networkingv1.NetworkPolicyPort) portList {
		if isNamed(port) {
			return portList{openNothing(port)}
		}
		return portList{port}
	})(p)
}

func portlessNothing(p *networkingv1.NetworkPolicy) {
	eachPort(func(port networkingv1.NetworkPolicyPort) portList {
		if port.Port == nil {
			return portList{openNothing(port)}
		}
		return portList{port}
	})(p)
}

func portlessAll(p *networkingv1.NetworkPolicy) {
	eachPort(func(port networkingv1.NetworkPolicyPort) portList {
		if port.Port == nil {
			return everyProtocol(port)
		}
		return portList{port}
	})(p)
}

// shortenRanges gives ranges another end; nil leaves only their first port.
func shortenRanges(end func(first, last int32) *int32) func(*networkingv1.NetworkPolicy) {
	return eachPort(func(port networkingv1.NetworkPolicyPort) portList {
		if port.EndPort != nil {
			port.EndPort = end(port.Port.IntVal, *port.EndPort)
		}
		return portList{port}
	})
}

func noRange(_, _ int32) *int32 { return nil }

func lessOne(first, last int32) *int32 {
	last = max(first, last-1)
	return &last
}

// numbersOfOnePod has a variant for each pod: its numbers are what names mean.
func numbersOfOnePod(e *evidence, moment int) []prediction {
	var variants []prediction
	s := e.state(moment)
	for _, pod := range s.Pods {
		variants = append(variants, of(edited(s, eachPort(func(port networkingv1.NetworkPolicyPort) portList {
			return portList{numbered(port, pod, s.Pods)}
		})), e))
	}
	return variants
}

// numbered gives a named port the number that it has on the pod, or else on the first
// pod that has one.
func numbered(port networkingv1.NetworkPolicyPort, pod scenario.Pod, all []scenario.Pod) networkingv1.NetworkPolicyPort {
	if !isNamed(port) || port.Protocol == nil {
		return port
	}
	for _, candidate := range append([]scenario.Pod{pod}, all...) {
		for _, have := range candidate.Ports {
			if have.Name == port.Port.StrVal && have.Protocol.String() == string(*port.Protocol) {
				number := intstr.FromInt32(int32(have.Number))
				port.Port = &number
				return port
			}
		}
	}
	return port
}
