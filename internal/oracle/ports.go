package oracle

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/flow"
)

// port is a NetworkPolicyPort made ready: a name, or an inclusive range of numbers.
type port struct {
	protocol    flow.Protocol
	name        string
	first, last int32
}

func newPort(p networkingv1.NetworkPolicyPort) (port, error) {
	protocol, err := newProtocol(p.Protocol)
	if err != nil {
		return port{}, err
	}
	switch {
	case p.Port == nil && p.EndPort != nil:
		return port{}, errors.New("endPort without a port")
	case p.Port == nil:
		return port{protocol: protocol, first: 1, last: math.MaxUint16}, nil
	case p.Port.Type == intstr.String:
		return newNamedPort(protocol, p.Port.StrVal, p.EndPort)
	}
	made := port{protocol: protocol, first: p.Port.IntVal, last: p.Port.IntVal}
	if p.EndPort != nil {
		made.last = *p.EndPort
	}
	if made.first < 1 || made.last > math.MaxUint16 || made.first > made.last {
		return port{}, fmt.Errorf("%d to %d is no range of ports", made.first, made.last)
	}
	return made, nil
}

func newNamedPort(protocol flow.Protocol, name string, end *int32) (port, error) {
	if name == "" {
		return port{}, errors.New("a named port without a name")
	}
	if end != nil {
		return port{}, fmt.Errorf("endPort with the named port %q", name)
	}
	return port{protocol: protocol, name: name}, nil
}

// newProtocol reads a protocol that was defaulted: a missing one is not for the
// oracle to guess.
func newProtocol(p *corev1.Protocol) (flow.Protocol, error) {
	if p == nil {
		return flow.ProtocolUnknown, errors.New("no protocol; an API server would have filled it in")
	}
	switch *p {
	case corev1.ProtocolTCP:
		return flow.TCP, nil
	case corev1.ProtocolUDP:
		return flow.UDP, nil
	case corev1.ProtocolSCTP:
		return flow.SCTP, nil
	default:
		return flow.ProtocolUnknown, fmt.Errorf("protocol %q is none that policies know", *p)
	}
}

// verdict judges the flow's port. A name means what the flow's own destination
// calls so, whoever else calls something else so. What the DNS service calls its
// ports is each cluster's own affair.
func (p *port) verdict(q *question) flow.Verdict {
	switch {
	case p.protocol != q.flow.Protocol:
		return flow.Deny
	case p.name == "":
		return allowIf(p.first <= int32(q.flow.Port) && int32(q.flow.Port) <= p.last)
	case q.destination().endpoint.Kind == flow.KindDNS:
		return flow.Undefined
	}
	wanted := flow.Port{Number: q.flow.Port, Protocol: p.protocol, Name: p.name}
	return allowIf(slices.Contains(q.destination().ports, wanted))
}

// String is the port as sentences name it.
func (p *port) String() string {
	switch {
	case p.name != "":
		return fmt.Sprintf("%s/%s", p.name, p.protocol)
	case p.first == 1 && p.last == math.MaxUint16:
		return fmt.Sprintf("every %s port", p.protocol)
	case p.first == p.last:
		return fmt.Sprintf("%d/%s", p.first, p.protocol)
	}
	return fmt.Sprintf("%d-%d/%s", p.first, p.last, p.protocol)
}

// why says what the port stands for on the flow's destination, where its name alone
// does not tell; else "".
func (p *port) why(q *question) string {
	if p.name == "" {
		return ""
	}
	to := q.destination()
	if to.endpoint.Kind == flow.KindDNS {
		return "the DNS service's names of ports differ between clusters"
	}
	var numbers []string
	for _, have := range to.ports {
		if have.Name == p.name && have.Protocol == p.protocol {
			numbers = append(numbers, fmt.Sprint(have.Number))
		}
	}
	if len(numbers) == 0 {
		return fmt.Sprintf("%s has none", to.endpoint)
	}
	return fmt.Sprintf("%s on %s", strings.Join(numbers, " and "), to.endpoint)
}
