//go:build linux

package probes

import (
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/cniproof/cniproof/internal/flow"
)

// served are the kinds that have both halves.
func served() []Kind { return []Kind{KindTCP, KindUDP, KindSCTP} }

// addresses of the second of two spaces.
func addresses() []string { return []string{"10.0.0.2", "[fd00::2]"} }

func everyKind(number uint16) []Port {
	var ports []Port
	for _, kind := range served() {
		ports = append(ports, Port{kind, number})
	}
	return ports
}

// firewall is a packet filter on what comes in to a space.
type firewall struct {
	t     testing.TB
	conn  *nftables.Conn
	table *nftables.Table
	chain *nftables.Chain
}

func (s space) firewall(t testing.TB) *firewall {
	t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(int(s.ns)))
	if err != nil {
		t.Skipf("no nftables here: %v", err)
	}
	f := &firewall{t: t, conn: conn}
	f.table = conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "test"})
	f.chain = conn.AddChain(&nftables.Chain{
		Name: "in", Table: f.table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter,
	})
	f.flush()
	return f
}

func (f *firewall) flush() {
	f.t.Helper()
	if err := f.conn.Flush(); err != nil {
		f.t.Fatalf("changing the packet filter: %v", err)
	}
}

func (f *firewall) rule(exprs ...expr.Any) {
	f.t.Helper()
	f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: f.chain, Exprs: exprs})
	f.flush()
}

// to matches the destination port, of any transport.
func to(number uint16, then ...expr.Any) []expr.Any {
	return append([]expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(number)},
	}, then...)
}

// state matches the state bits of connection tracking.
func state(bits uint32, then ...expr.Any) []expr.Any {
	return append([]expr.Any{
		&expr.Ct{Register: 1, Key: expr.CtKeySTATE},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}, then...)
}

func drop() expr.Any   { return &expr.Verdict{Kind: expr.VerdictDrop} }
func accept() expr.Any { return &expr.Verdict{Kind: expr.VerdictAccept} }

// TestAcrossSpaces probes a real agent from a real agent over a wire, through a
// packet filter that answers in every way that one can.
func TestAcrossSpaces(t *testing.T) {
	left, right := twoSpaces(t)
	filter := right.firewall(t)
	filter.rule(to(82, drop())...)
	filter.rule(to(83, &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH})...)
	filter.rule(to(84, &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED})...)
	filter.rule(to(85, &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_HOST_UNREACH})...)
	a, b := left.start(t, "left"), right.start(t, "right")
	for number := uint16(81); number <= 85; number++ {
		serve(t, b.Client, everyKind(number)...)
	}
	for _, row := range []struct {
		port     int
		outcome  flow.Outcome
		attempts int
	}{
		{81, flow.Connected, 1},
		{82, flow.TimedOut, 2},
		{83, flow.Refused, 1},
		{84, flow.Unreachable, 1},
		{85, flow.Unreachable, 1},
		{86, flow.Refused, 1}, // nobody serves it
	} {
		for _, kind := range served() {
			for _, address := range addresses() {
				r := probe(t, a.Client, kind, fmt.Sprintf("%s:%d", address, row.port), 150*time.Millisecond, 150*time.Millisecond)
				if r.Outcome != row.outcome || r.Attempts != row.attempts {
					t.Errorf("%s to %s:%d: %+v, want %s in %d", kind, address, row.port, r, row.outcome, row.attempts)
				}
				if (r.Outcome == flow.Connected) != (r.Peer == "right") {
					t.Errorf("%s to %s:%d: peer %q", kind, address, row.port, r.Peer)
				}
			}
		}
	}
}

// TestStateful checks that connection tracking finds nothing wrong with the
// probes' packets, checksums included, and that a flow which it remembers does
// not let a later probe through.
func TestStateful(t *testing.T) {
	left, right := twoSpaces(t)
	for _, s := range []space{left, right} {
		filter := s.firewall(t)
		filter.rule(state(expr.CtStateBitINVALID, drop())...)
		filter.rule(state(expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED, accept())...)
	}
	a, b := left.start(t, "left"), right.start(t, "right")
	serve(t, b.Client, everyKind(81)...)
	all := func(outcome flow.Outcome) {
		t.Helper()
		for _, kind := range served() {
			for _, address := range addresses() {
				if r := probe(t, a.Client, kind, address+":81", 300*time.Millisecond); r.Outcome != outcome {
					t.Errorf("%s to %s: %+v, want %s", kind, address, r, outcome)
				}
			}
		}
	}
	all(flow.Connected)
	right.firewall(t).rule(to(81, drop())...)
	all(flow.TimedOut)
}

// TestManyAddresses checks that servers answer from the address that was
// asked, not from the first one of the interface.
func TestManyAddresses(t *testing.T) {
	left, right := twoSpaces(t)
	right.addAddress(t, "10.0.0.77/24")
	right.addAddress(t, "fd00::77/64")
	left.awaitAddress(t, "fd00::77")
	a, b := left.start(t, "left"), right.start(t, "right")
	serve(t, b.Client, everyKind(81)...)
	for _, kind := range served() {
		for _, address := range []string{"10.0.0.77:81", "[fd00::77]:81"} {
			if r := probe(t, a.Client, kind, address); r.Peer != "right" {
				t.Errorf("%s to %s: %+v", kind, address, r)
			}
		}
	}
}

// TestNobodyThere is about an address on the wire that nobody has.
func TestNobodyThere(t *testing.T) {
	left, _ := twoSpaces(t)
	a := left.start(t, "left")
	batch := []Probe{}
	for _, kind := range served() {
		for _, address := range []string{"10.0.0.9:81", "[fd00::9]:81"} {
			batch = append(batch, Probe{Kind: kind, Address: netip.MustParseAddrPort(address), Timeouts: []time.Duration{5 * time.Second}})
		}
	}
	results, err := a.Probe(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Outcome != flow.Unreachable || r.Took < time.Second {
			t.Errorf("%s to %s: %+v", batch[i].Kind, batch[i].Address, r)
		}
	}
}

// TestIPv4Only checks that a namespace without IPv6 serves and probes IPv4.
func TestIPv4Only(t *testing.T) {
	s := newSpace(t)
	s.do(t, func() error {
		return os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("1"), 0)
	})
	a := s.start(t, "a")
	serve(t, a.Client, everyKind(81)...)
	for _, kind := range served() {
		if r := probe(t, a.Client, kind, "127.0.0.1:81"); r.Outcome != flow.Connected {
			t.Errorf("%s over IPv4: %+v", kind, r)
		}
		if r := probe(t, a.Client, kind, "[::1]:81"); r.Outcome == flow.Connected {
			t.Errorf("%s over IPv6: %+v", kind, r)
		} else {
			t.Logf("%s over IPv6: %s, %s", kind, r.Outcome, r.Detail)
		}
	}
}
