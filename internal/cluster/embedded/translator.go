package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
)

// translator turns ClusterIPs into pod addresses on one node, for what pods send
// and for what the node itself sends.
//
// There is a map for frontends with one backend, and one for those with several: its
// key ends in a slot, which is drawn anew for each connection. What still goes to a
// ClusterIP after the translation has no ready backend, and is rejected.
type translator struct {
	node  *machine
	conn  *nftables.Conn
	table *nftables.Table
	maps  map[mapKey]*nftables.Set
}

type mapKey struct{ six, several bool }

// slots is how many backends of one frontend can be told apart; 60 divides evenly
// by most small numbers.
const slots = 60

// rejectPriority is after the translation and before the policies.
const rejectPriority = -10

// firstRegister is the first of the kernel's 16 registers of 4 bytes.
const firstRegister = unix.NFT_REG32_00

// element is a frontend as a node has it.
type element struct {
	frontend
	backends
}

// change is what leaves and what enters the maps; a frontend may do both.
type change struct{ gone, come []element }

func newTranslator(m *machine) (*translator, error) {
	t := &translator{node: m, maps: map[mapKey]*nftables.Set{}}
	if err := t.dial(); err != nil {
		return nil, err
	}
	if err := t.begin(); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *translator) dial() (err error) {
	if t.conn, err = nftables.New(nftables.WithNetNSFd(t.node.fd()), nftables.AsLasting()); err != nil {
		return fmt.Errorf("connecting to nftables: %w", err)
	}
	return nil
}

func (t *translator) close() error { return t.conn.CloseLasting() }

// begin makes the table without any frontend.
func (t *translator) begin() error {
	t.table = t.conn.AddTable(&nftables.Table{Name: "cniproof-services", Family: nftables.TableFamilyINet})
	for i, k := range []mapKey{{false, false}, {false, true}, {true, false}, {true, true}} {
		t.maps[k] = t.newMap(uint32(i+1), k)
		if err := t.conn.AddSet(t.maps[k], nil); err != nil {
			return fmt.Errorf("making the map %q: %w", t.maps[k].Name, err)
		}
	}
	for _, hook := range []struct {
		name       string
		hook       *nftables.ChainHook
		kind       nftables.ChainType
		priority   *nftables.ChainPriority
		translates bool
	}{
		{"translate-forwarded", nftables.ChainHookPrerouting, nftables.ChainTypeNAT, nftables.ChainPriorityNATDest, true},
		{"translate-own", nftables.ChainHookOutput, nftables.ChainTypeNAT, nftables.ChainPriorityNATDest, true},
		{"reject-forwarded", nftables.ChainHookForward, nftables.ChainTypeFilter, nftables.ChainPriorityRef(rejectPriority), false},
		{"reject-own", nftables.ChainHookOutput, nftables.ChainTypeFilter, nftables.ChainPriorityRef(rejectPriority), false},
	} {
		chain := t.conn.AddChain(&nftables.Chain{Table: t.table, Name: hook.name, Type: hook.kind, Hooknum: hook.hook, Priority: hook.priority})
		if hook.name == "translate-forwarded" {
			for _, own := range t.node.Addrs {
				t.rule(chain, t.mark(own))
			}
		}
		for _, six := range []bool{false, true} {
			if !hook.translates {
				t.rule(chain, reject(six))
				continue
			}
			t.rule(chain, t.translate(mapKey{six: six}))
			t.rule(chain, t.translate(mapKey{six: six, several: true}))
		}
	}
	t.disguiser()
	if err := t.conn.Flush(); err != nil {
		return fmt.Errorf("making the table of services: %w", err)
	}
	return nil
}

func (t *translator) rule(chain *nftables.Chain, exprs []expr.Any) {
	t.conn.AddRule(&nftables.Rule{Table: t.table, Chain: chain, Exprs: exprs})
}

func (t *translator) newMap(id uint32, k mapKey) *nftables.Set {
	addr, name := nftables.TypeIPAddr, "pods4"
	if k.six {
		addr, name = nftables.TypeIP6Addr, "pods6"
	}
	from := []nftables.SetDatatype{addr, nftables.TypeInetProto, nftables.TypeInetService}
	if k.several {
		from, name = append(from, nftables.TypeInteger), name+"-by-slot"
	}
	return &nftables.Set{
		ID: id, Table: t.table, Name: name, IsMap: true, Concatenation: true,
		KeyType: nftables.MustConcatSetType(from...), DataType: nftables.MustConcatSetType(addr, nftables.TypeInetService),
	}
}

// translate looks the destination up and, where it is found, translates it.
func (t *translator) translate(k mapKey) []expr.Any {
	offset, length, family := uint32(16), uint32(4), byte(unix.NFPROTO_IPV4)
	if k.six {
		offset, length, family = 24, 16, unix.NFPROTO_IPV6
	}
	after := firstRegister + length/4 // the register behind the address
	exprs := append(ofFamily(family),
		&expr.Payload{DestRegister: firstRegister, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: after},
		&expr.Payload{DestRegister: after + 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
	)
	if k.several {
		exprs = append(exprs, &expr.Numgen{Register: after + 2, Modulus: slots, Type: unix.NFT_NG_RANDOM})
	}
	return append(exprs,
		&expr.Lookup{SourceRegister: firstRegister, DestRegister: firstRegister, IsDestRegSet: true, SetName: t.maps[k].Name, SetID: t.maps[k].ID},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: uint32(family), RegAddrMin: firstRegister, RegProtoMin: after, Specified: true},
	)
}

func ofFamily(family byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: firstRegister},
		&expr.Cmp{Op: expr.CmpOpEq, Register: firstRegister, Data: []byte{family}},
	}
}

// reject refuses what goes to any ClusterIP. The ranges end at whole bytes.
func reject(six bool) []expr.Any {
	cidr, offset, family := serviceCIDRs[0], uint32(16), byte(unix.NFPROTO_IPV4)
	if six {
		cidr, offset, family = serviceCIDRs[1], 24, unix.NFPROTO_IPV6
	}
	prefix := cidr.Addr().AsSlice()[:cidr.Bits()/8]
	return append(ofFamily(family),
		&expr.Payload{DestRegister: firstRegister, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(len(prefix))},
		&expr.Cmp{Op: expr.CmpOpEq, Register: firstRegister, Data: prefix},
		&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH},
	)
}

// apply changes the maps at once. Where the kernel refuses, the maps are filled anew
// over a new connection: they may hold something else than this process thinks, and
// answers to what was refused may still wait in the old one.
func (t *translator) apply(c change, all translations) error {
	if t.change(c) == nil {
		return nil
	}
	_ = t.close() // it is of no use any more
	if err := t.dial(); err != nil {
		return err
	}
	for _, set := range t.maps {
		t.conn.FlushSet(set)
	}
	var everything change
	for f, b := range all {
		everything.come = append(everything.come, element{f, b})
	}
	if err := t.change(everything); err != nil {
		return fmt.Errorf("translating services: %w", err)
	}
	return nil
}

func (t *translator) change(c change) error {
	for k, set := range t.maps {
		if err := t.each(c.gone, k, func(list []nftables.SetElement) error { return t.conn.SetDeleteElements(set, list) }); err != nil {
			return err
		}
		if err := t.each(c.come, k, func(list []nftables.SetElement) error { return t.conn.SetAddElements(set, list) }); err != nil {
			return err
		}
	}
	return t.conn.Flush()
}

// elementsPerMessage keeps a message well below the 64 KiB of a netlink attribute.
const elementsPerMessage = 240

// each hands out those elements that belong into one of the maps, a message's worth
// at a time.
func (t *translator) each(list []element, k mapKey, send func([]nftables.SetElement) error) error {
	var batch []nftables.SetElement
	for _, e := range list {
		if e.addr.Is6() != k.six || len(e.backends) > 1 != k.several || t.elsewhere(e.frontend) {
			continue
		}
		batch = append(batch, e.encode()...)
		if len(batch) < elementsPerMessage {
			continue
		}
		if err := send(batch); err != nil {
			return err
		}
		batch = nil
	}
	if len(batch) == 0 {
		return nil
	}
	return send(batch)
}

// encode writes the frontend as the kernel keeps it: every part of a key and of a
// value fills whole registers.
func (e element) encode() []nftables.SetElement {
	front := e.addr.AsSlice()
	front = append(front, e.protocol, 0, 0, 0)
	front = binary.BigEndian.AppendUint16(front, e.port)
	front = append(front, 0, 0)
	if len(e.backends) == 1 {
		return []nftables.SetElement{{Key: front, Val: encodeBackend(e.backends[0])}}
	}
	list := make([]nftables.SetElement, slots)
	for slot := range list {
		list[slot].Key = slices.Concat(front, binaryutil.NativeEndian.PutUint32(uint32(slot)))
		list[slot].Val = encodeBackend(e.backends[slot%len(e.backends)])
	}
	return list
}

func encodeBackend(b netip.AddrPort) []byte {
	return append(binary.BigEndian.AppendUint16(b.Addr().AsSlice(), b.Port()), 0, 0)
}

func protocolNumber(p corev1.Protocol) uint8 {
	switch p {
	case corev1.ProtocolTCP:
		return unix.IPPROTO_TCP
	case corev1.ProtocolUDP:
		return unix.IPPROTO_UDP
	case corev1.ProtocolSCTP:
		return unix.IPPROTO_SCTP
	}
	return 0
}
