//go:build linux

package probes

import (
	"io"
	"net/netip"
	"time"
)

// protocol is one kind of probe.
type protocol struct {
	kind Kind
	// transport is the kind whose port numbers it uses.
	transport Kind
	// dial makes one attempt and returns Result.Peer. Its error is what outcomeOf knows.
	dial func(attempt) (string, error)
	// serve answers on a port until it is closed; nil where the kind cannot be
	// served. It calls down when it ends by itself.
	serve func(a *Agent, port uint16, down func()) (io.Closer, error)
}

// attempt is one try to reach an address from one source port.
type attempt struct {
	agent   *Agent
	keep    string // Probe.Keep
	stands  bool   // Probe.Stands
	from    uint16
	to      netip.AddrPort
	begin   time.Time
	timeout time.Duration
	query   string
	size    int
	mark    uint64 // of every greeting
}

// protocols is every protocol that the agent speaks.
func protocols() []protocol {
	return []protocol{
		tcpProtocol(),
		udpProtocol(),
		sctpProtocol(),
		dnsUDPProtocol(),
		dnsTCPProtocol(),
		icmpProtocol(),
		openProtocol(),
	}
}

func protocolOf(kind Kind) (protocol, bool) {
	for _, p := range protocols() {
		if p.kind == kind {
			return p, true
		}
	}
	return protocol{}, false
}
