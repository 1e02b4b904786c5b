package embedded

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// The ports that Services may have on the nodes.
const (
	firstNodePort = 30000
	lastNodePort  = 32767
)

var errNoNodePort = errors.New("no node port is free")

// allocateNodePorts gives a Service that wants them its ports on the nodes.
func (a *api) allocateNodePorts(service *corev1.Service) error {
	if service.Spec.Type != corev1.ServiceTypeNodePort {
		return nil
	}
	for i := range service.Spec.Ports {
		n, ok := a.ports.take()
		if !ok {
			return apierrors.NewInternalError(errNoNodePort)
		}
		service.Spec.Ports[i].NodePort = int32(firstNodePort + n - 1)
	}
	return nil
}

// releaseNodePorts gives them back.
func (a *api) releaseNodePorts(service *corev1.Service) {
	for _, p := range service.Spec.Ports {
		if p.NodePort != 0 {
			a.ports.give(int(p.NodePort) - firstNodePort + 1)
		}
	}
}

// addNodePort adds one port of a Service on every node, in each of its families.
func (p *serviceProxy) addNodePort(all translations, service *corev1.Service, port *corev1.ServicePort, pods []*corev1.Pod) {
	if port.NodePort == 0 {
		return
	}
	for _, ip := range service.Spec.ClusterIPs {
		addr, err := netip.ParseAddr(ip)
		if err != nil {
			continue
		}
		for _, t := range p.nodes {
			for _, own := range t.node.Addrs {
				if own.Is4() == addr.Is4() {
					all.lead(frontend{own, protocolNumber(port.Protocol), uint16(port.NodePort)}, port, pods)
				}
			}
		}
	}
}

// elsewhere reports whether a frontend is on another node: what goes there is not
// translated here.
func (t *translator) elsewhere(f frontend) bool {
	isNode := slices.ContainsFunc(nodeCIDRs, func(c netip.Prefix) bool { return c.Contains(f.addr) })
	return isNode && !slices.Contains(t.node.Addrs, f.addr)
}

// nodePortMark is on packets that came for the node's own address. If they are passed on,
// which only those of node ports are, they go in the node's name, so that the answer comes
// back here: whoever judges them on another node sees the node, as with kube-proxy.
const nodePortMark = 0x4e50

// mark puts the mark on what comes for an address of the node.
func (t *translator) mark(own netip.Addr) []expr.Any {
	return append(toAddr(own),
		&expr.Immediate{Register: firstRegister, Data: mark()},
		&expr.Meta{Key: expr.MetaKeyMARK, Register: firstRegister, SourceRegister: true},
	)
}

// disguise gives what is marked the node's own address.
func (t *translator) disguise(own netip.Addr) []expr.Any {
	family := byte(unix.NFPROTO_IPV4)
	if own.Is6() {
		family = unix.NFPROTO_IPV6
	}
	return append(ofFamily(family),
		&expr.Meta{Key: expr.MetaKeyMARK, Register: firstRegister},
		&expr.Cmp{Op: expr.CmpOpEq, Register: firstRegister, Data: mark()},
		&expr.Immediate{Register: firstRegister, Data: own.AsSlice()},
		&expr.NAT{Type: expr.NATTypeSourceNAT, Family: uint32(family), RegAddrMin: firstRegister},
	)
}

func mark() []byte { return binaryutil.NativeEndian.PutUint32(nodePortMark) }

func toAddr(a netip.Addr) []expr.Any {
	offset, family := uint32(16), byte(unix.NFPROTO_IPV4)
	if a.Is6() {
		offset, family = 24, unix.NFPROTO_IPV6
	}
	return append(ofFamily(family),
		&expr.Payload{DestRegister: firstRegister, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(a.BitLen() / 8)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: firstRegister, Data: a.AsSlice()},
	)
}

// disguiser makes the chain that disguises.
func (t *translator) disguiser() {
	chain := t.conn.AddChain(&nftables.Chain{
		Table: t.table, Name: "disguise", Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	for _, own := range t.node.Addrs {
		t.rule(chain, t.disguise(own))
	}
}
