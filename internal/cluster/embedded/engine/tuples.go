package engine

import (
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// This file does nothing in an engine without faults. A faulty one keeps its verdict
// under the addresses, protocol and ports of a connection that has ended, and gives it
// to the next one that has the same.

const (
	// tupleMemory is how long a verdict is kept after it was last used.
	tupleMemory = time.Minute
	// firstTuple is the first of the kernel's 16 registers of 4 bytes.
	firstTuple = unix.NFT_REG32_00
	// forgetElement is the kernel's NFT_DYNSET_OP_DELETE.
	forgetElement = 2

	passedChain = "passed"
	passedSet   = "passed"
	pendingSet  = "pending"
)

func tupleSetName(set string, f family) string { return set + [...]string{"4", "6"}[f] }

// tupleSets are the sets that an engine with these faults remembers connections in.
func (f Faults) tupleSets() []string {
	var sets []string
	if f.Has(AllowedTupleStaysOpen) {
		sets = append(sets, passedSet)
	}
	if f.Has(DeniedTupleStaysShut) {
		sets = append(sets, pendingSet)
	}
	return sets
}

// rememberTuples makes the sets, and a chain behind all the others, which only sees what
// they have let through.
func (w *writer) rememberTuples(faults Faults) error {
	if len(faults.tupleSets()) == 0 {
		return nil
	}
	w.baseChain(passedChain, nftables.ChainHookForward, *nftables.ChainPriorityRef(priority(ingress) + 1))
	for _, f := range families {
		for _, name := range faults.tupleSets() {
			w.sets++
			set := &nftables.Set{
				Table: w.table, ID: w.sets, Name: tupleSetName(name, f), Concatenation: true,
				Dynamic: true, HasTimeout: true, Timeout: tupleMemory, KeyType: tupleType(f),
			}
			if err := w.conn.AddSet(set, nil); err != nil {
				return err
			}
		}
		if faults.Has(AllowedTupleStaysOpen) {
			w.rule(passedChain, append(tuple(f), inSet(passedSet, f, unix.NFT_DYNSET_OP_UPDATE))...)
		}
		if faults.Has(DeniedTupleStaysShut) {
			w.rule(passedChain, append(tuple(f), inSet(pendingSet, f, forgetElement))...)
		}
	}
	return nil
}

// recall judges by what was remembered. A connection is pending until it has passed, and
// what is pending already was denied before.
func (w *writer) recall(d direction, faults Faults) {
	for _, f := range families {
		if faults.Has(AllowedTupleStaysOpen) {
			w.rule(forwardChain(d), acceptIf(append(tuple(f), isIn(passedSet, f)))...)
		}
		if faults.Has(DeniedTupleStaysShut) && d == egress {
			w.rule(forwardChain(d), append(tuple(f), isIn(pendingSet, f), &expr.Verdict{Kind: expr.VerdictDrop})...)
			w.rule(forwardChain(d), append(tuple(f), inSet(pendingSet, f, unix.NFT_DYNSET_OP_ADD))...)
		}
	}
}

func tupleType(f family) nftables.SetDatatype {
	return nftables.MustConcatSetType(addressType(f), addressType(f), nftables.TypeInetProto, nftables.TypeInetService, nftables.TypeInetService)
}

// tuple loads both addresses, the protocol and both ports.
func tuple(f family) []expr.Any {
	offset, size := [...]uint32{12, 8}[f], [...]uint32{4, 16}[f]
	second := firstTuple + size/4
	rest := second + size/4
	return append(ofFamily(f),
		&expr.Payload{DestRegister: firstTuple, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size},
		&expr.Payload{DestRegister: second, Base: expr.PayloadBaseNetworkHeader, Offset: offset + size, Len: size},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: rest},
		&expr.Payload{DestRegister: rest + 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 2},
		&expr.Payload{DestRegister: rest + 2, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
	)
}

func isIn(set string, f family) expr.Any {
	return &expr.Lookup{SourceRegister: firstTuple, SetName: tupleSetName(set, f)}
}

func inSet(set string, f family, operation uint32) expr.Any {
	return &expr.Dynset{SrcRegKey: firstTuple, SetName: tupleSetName(set, f), Operation: operation}
}
