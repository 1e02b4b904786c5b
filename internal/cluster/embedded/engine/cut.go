package engine

import (
	"fmt"

	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// This file does nothing in an engine without faults. A faulty one forgets all connections
// now and then, and drops what belongs to none and opens none.

// cut forgets the node's connections.
func (k *kernel) cut() error {
	h, err := netlink.NewHandleAt(netns.NsHandle(k.fd), unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("opening the table of connections: %w", err)
	}
	defer h.Close()
	if err := h.ConntrackTableFlush(netlink.ConntrackTable); err != nil {
		return fmt.Errorf("forgetting connections: %w", err)
	}
	return nil
}

// cutOff does so on every node, where it is due and the fault is planted.
func (l *loop) cutOff(due bool, f Fault) error {
	if !due || !l.faults.Has(f) {
		return nil
	}
	for _, n := range l.nodes {
		if err := n.kernel.cut(); err != nil {
			return err
		}
	}
	return nil
}

// midstream matches TCP of no known connection that does not open one.
func midstream() []expr.Any {
	const flags, syn = 13, 1 << 1
	return append(append(connectionIs(expr.CtKeySTATE, expr.CtStateBitNEW|expr.CtStateBitINVALID), ofProtocol(protocolTCP)...),
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: flags, Len: 1},
		&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 1, Mask: []byte{syn}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{0}})
}
