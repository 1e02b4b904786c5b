package engine

import (
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// addService makes the addresses 10.9.9.9 and fd09::9 lead to the pod: port 20080
// of TCP to its port 80, translated at n1 before the forward hook.
func (l *lab) addService(pod string) {
	l.t.Helper()
	service := &host{name: "service", v4: netip.MustParseAddr("10.9.9.9"), v6: netip.MustParseAddr("fd09::9")}
	l.hosts["service"] = service
	l.route("x/b", "n1", service)
	l.route("n1", pod, service)
	conn, err := nftables.New(nftables.WithNetNSFd(int(l.hosts["n1"].ns)))
	l.must(err)
	table := conn.AddTable(&nftables.Table{Name: "service", Family: nftables.TableFamilyINet})
	chain := conn.AddChain(&nftables.Chain{
		Name: "prerouting", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest,
	})
	for _, f := range families {
		exprs := append(ofFamily(f), loadAddress(false, f),
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: service.addr(f).AsSlice()})
		exprs = append(exprs, ofProtocol(protocolTCP)...)
		exprs = append(exprs,
			loadPort(false), &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: newPort(0, 20080).bytes()},
			&expr.Immediate{Register: 1, Data: l.hosts[pod].addr(f).AsSlice()},
			&expr.Immediate{Register: 2, Data: newPort(0, 80).bytes()},
			&expr.NAT{
				Type: expr.NATTypeDestNAT, Family: []uint32{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6}[f],
				RegAddrMin: 1, RegProtoMin: 2, Specified: true,
			})
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: exprs})
	}
	l.must(conn.Flush())
}
