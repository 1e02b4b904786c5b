package engine

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// elementsPerMessage keeps a message's attributes below the 64 KiB that netlink can
// measure.
const elementsPerMessage = 500

// register is the one that comparisons go through.
const register = 1

// chainRule adds a rule, and the sets that it looks into.
func (w *writer) chainRule(chain string, r *chainRule) error {
	exprs := ofFamily(r.family)
	if !r.anyPeer() {
		match, err := matchSet(w, addressType(r.family), r.peers, netip.Addr.AsSlice)
		if err != nil {
			return fmt.Errorf("writing peers of chain %q: %w", chain, err)
		}
		exprs = append(append(exprs, loadAddress(r.direction == ingress, r.family)), match)
	}
	if r.protocol != 0 {
		exprs = append(exprs, ofProtocol(r.protocol)...)
	}
	if !r.anyPort() {
		match, err := matchSet(w, nftables.TypeInetService, r.ports, port.bytes)
		if err != nil {
			return fmt.Errorf("writing ports of chain %q: %w", chain, err)
		}
		exprs = append(exprs, loadPort(r.serviceSide), match)
	}
	if r.small && r.protocol == protocolUDP {
		exprs = append(exprs, length(expr.CmpOpLte, frame)...)
	}
	if r.large {
		exprs = append(exprs, length(expr.CmpOpGt, frame)...)
	}
	w.rule(chain, acceptIf(exprs)...)
	return nil
}

// Lengths of packets that faulty engines make something of.
const (
	frame     = 1500 // what a frame of Ethernet carries
	narrowest = 1000 // less than any segment of a long stream
)

// length compares a packet's length.
func length(than expr.CmpOp, bytes uint32) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyLEN, Register: register},
		&expr.Byteorder{SourceRegister: register, DestRegister: register, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Cmp{Op: than, Register: register, Data: binary.BigEndian.AppendUint32(nil, bytes)},
	}
}

func (p port) bytes() []byte { return binary.BigEndian.AppendUint16(nil, p.number()) }

func addressType(f family) nftables.SetDatatype {
	if f == ipv4 {
		return nftables.TypeIPAddr
	}
	return nftables.TypeIP6Addr
}

func ofFamily(f family) []expr.Any {
	number := [...]byte{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6}[f]
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{number}},
	}
}

func ofProtocol(protocol uint8) []expr.Any { return protocolIs(expr.CmpOpEq, protocol) }

func protocolIs(op expr.CmpOp, protocol uint8) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register},
		&expr.Cmp{Op: op, Register: register, Data: []byte{protocol}},
	}
}

// loadAddress loads the source's or the destination's address.
func loadAddress(source bool, f family) expr.Any {
	offset, size := [...]uint32{16, 24}[f], [...]uint32{4, 16}[f]
	if source {
		offset -= size
	}
	return &expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size}
}

// loadPort loads the destination's port: the packet's own, or, on the side of the
// service, the one that the source dialled.
func loadPort(serviceSide bool) expr.Any {
	if serviceSide {
		return &expr.Ct{Key: expr.CtKeyPROTODST, Register: register}
	}
	return &expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}
}

// dnsPort is where DNS servers answer from.
const dnsPort = 53

// fromPort matches what comes from that port over a protocol.
func fromPort(protocol uint8, number uint16) []expr.Any {
	return append(ofProtocol(protocol),
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: binary.BigEndian.AppendUint16(nil, number)},
	)
}

// connectionIs matches connections whose key has any of the bits.
func connectionIs(key expr.CtKey, bits uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: key, Register: register},
		&expr.Bitwise{
			SourceRegister: register, DestRegister: register, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: make([]byte, 4),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: make([]byte, 4)},
	}
}

// deniedMark is how a faulty engine marks connections whose answers it will drop.
const deniedMark = 1 << 12

func markDenied() []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: register, Data: binaryutil.NativeEndian.PutUint32(deniedMark)},
		&expr.Ct{Key: expr.CtKeyMARK, Register: register, SourceRegister: true},
	}
}

// answerOfDenied matches what comes back over a marked connection.
func answerOfDenied() []expr.Any {
	const reply = 1 // IP_CT_DIR_REPLY
	return append(connectionIs(expr.CtKeyMARK, deniedMark),
		&expr.Ct{Key: expr.CtKeyDIRECTION, Register: register},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{reply}})
}

// matchSet matches the register against the points: one span by comparing, more
// in an interval set of its own.
func matchSet[T point[T]](w *writer, of nftables.SetDatatype, points spans[T], bytes func(T) []byte) (expr.Any, error) {
	if len(points) == 1 {
		return &expr.Range{
			Op: expr.CmpOpEq, Register: register,
			FromData: bytes(points[0].First), ToData: bytes(points[0].Last),
		}, nil
	}
	w.sets++
	set := &nftables.Set{
		Table: w.table, ID: w.sets, Name: "__set%d",
		Anonymous: true, Constant: true, Interval: true, KeyType: of,
	}
	if err := w.conn.AddSet(set, nil); err != nil {
		return nil, err
	}
	growing := *set
	growing.Anonymous = false // the library takes all elements of an anonymous set at once, however many
	for part := range slices.Chunk(points, elementsPerMessage) {
		if err := w.conn.SetAddElements(&growing, intervals(part, bytes)); err != nil {
			return nil, err
		}
	}
	return &expr.Lookup{SourceRegister: register, SetID: set.ID, SetName: set.Name}, nil
}

// intervals is each span as nftables has it: where it begins, and where it has
// ended. The last one of all points never ends.
func intervals[T point[T]](points spans[T], bytes func(T) []byte) []nftables.SetElement {
	out := make([]nftables.SetElement, 0, 2*len(points))
	for _, s := range points {
		out = append(out, nftables.SetElement{Key: bytes(s.First)})
		if end := bytes(s.Last); !isHighest(end) {
			out = append(out, nftables.SetElement{Key: bytes(s.Last.Next()), IntervalEnd: true})
		}
	}
	return out
}

func isHighest(key []byte) bool {
	return !slices.ContainsFunc(key, func(b byte) bool { return b != 0xff })
}
