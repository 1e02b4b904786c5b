package engine

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The base chains. The forward hook judges first what the node's pods send, then
// what they get: to accept is to leave one of the chains, not the hook. Services have
// been translated by then, so that addresses and ports are the pods'. What a node
// itself sends to its pods comes from the output hook, and is not judged.
const outputChain = "output"

func forwardChain(d direction) string { return "forward-" + d.String() }

// statusDNAT is the bit of a connection whose destination was translated.
const statusDNAT = 1 << 5

// addTable makes a table with its verdict maps. It judges nothing yet.
func addTable() step {
	return step{messages: 5, bytes: 5 * chainBytes, write: func(w *writer) error {
		w.conn.AddTable(w.table)
		for _, d := range directions {
			for _, f := range families {
				w.sets++
				set := &nftables.Set{
					Table: w.table, ID: w.sets, Name: mapName(d, f),
					IsMap: true, KeyType: addressType(f), DataType: nftables.TypeVerdict,
				}
				if err := w.conn.AddSet(set, nil); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

// judge makes the table judge, beside the tables that do so already.
func judge(faults Faults) step {
	return step{messages: 32, bytes: 32 * ruleBytes, write: func(w *writer) error {
		if err := w.rememberTuples(faults); err != nil {
			return err
		}
		for _, d := range directions {
			w.baseChain(forwardChain(d), nftables.ChainHookForward, priority(d))
			w.forwardRules(d, faults)
		}
		if faults.Has(NodeTrafficDenied) {
			w.baseChain(outputChain, nftables.ChainHookOutput, priority(ingress))
			w.rule(outputChain, acceptIf(established())...)
			w.lookUp(outputChain, ingress)
		}
		return nil
	}}
}

// deleteTables removes tables with everything that is in them.
func deleteTables(names []string) step {
	return step{messages: len(names), bytes: len(names) * chainBytes, write: func(w *writer) error {
		for _, name := range names {
			w.conn.DelTable(inetTable(name))
		}
		return nil
	}}
}

// priority puts egress before ingress.
func priority(d direction) nftables.ChainPriority {
	if d == egress {
		return *nftables.ChainPriorityFilter
	}
	return *nftables.ChainPriorityFilter + 1
}

// door is what the base chains do.
type door uint8

const (
	judging door = iota
	ajar         // everything passes
	shut         // nothing does
)

// turn exchanges the rules of the base chains.
func turn(faults Faults, to door) step {
	return step{messages: 18, bytes: 18 * ruleBytes, write: func(w *writer) error {
		for _, d := range directions {
			w.conn.FlushChain(w.chain(forwardChain(d)))
			switch to {
			case judging:
				w.forwardRules(d, faults)
			case shut:
				w.rule(forwardChain(d), &expr.Verdict{Kind: expr.VerdictDrop})
			case ajar:
			}
		}
		return nil
	}}
}

func (w *writer) baseChain(name string, hook *nftables.ChainHook, at nftables.ChainPriority) {
	accept := nftables.ChainPolicyAccept
	w.conn.AddChain(&nftables.Chain{
		Table: w.table, Name: name, Policy: &accept,
		Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: &at,
	})
}

func (w *writer) forwardRules(d direction, faults Faults) {
	if faults.Has(ServicePathUnenforced) {
		w.rule(forwardChain(d), acceptIf(connectionIs(expr.CtKeySTATUS, statusDNAT))...)
	}
	if faults.Has(ConnectionsCutOnChange) || faults.Has(RestartCutsConnections) {
		w.rule(forwardChain(d), append(midstream(), &expr.Verdict{Kind: expr.VerdictDrop})...)
	}
	if faults.Has(AnswersDenied) {
		w.rule(forwardChain(d), append(answerOfDenied(), &expr.Verdict{Kind: expr.VerdictDrop})...)
	}
	switch {
	case faults.Has(RepliesDropped):
	case faults.Has(LargeSegmentsDropped):
		w.rule(forwardChain(d), acceptIf(append(established(), protocolIs(expr.CmpOpNeq, protocolTCP)...))...)
		w.rule(forwardChain(d), acceptIf(append(established(), length(expr.CmpOpLte, narrowest)...))...)
	default:
		w.rule(forwardChain(d), acceptIf(established())...)
	}
	if faults.Has(AnswersToldByPort) {
		w.rule(forwardChain(d), acceptIf(fromPort(unix.IPPROTO_TCP, dnsPort))...)
	}
	if faults.Has(UDPAnswersToldByPort) {
		w.rule(forwardChain(d), acceptIf(fromPort(unix.IPPROTO_UDP, dnsPort))...)
	}
	w.recall(d, faults)
	w.lookUp(forwardChain(d), d)
}

// established matches what belongs to a connection that was let through when it was new:
// what is allowed is judged once.
func established() []expr.Any {
	return connectionIs(expr.CtKeySTATE, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED)
}

func acceptIf(match []expr.Any) []expr.Any {
	return append(match, &expr.Verdict{Kind: expr.VerdictAccept})
}

// lookUp sends a packet to the chain of the pod that it comes from, in egress, or
// goes to, in ingress.
func (w *writer) lookUp(chain string, d direction) {
	for _, f := range families {
		w.rule(chain, append(ofFamily(f),
			loadAddress(d == egress, f),
			&expr.Lookup{SourceRegister: register, DestRegister: unix.NFT_REG_VERDICT, IsDestRegSet: true, SetName: mapName(d, f)},
		)...)
	}
}
