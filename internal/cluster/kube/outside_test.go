package kube

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
)

func TestOutsideHostsAreOfTheClustersFamilies(t *testing.T) {
	four, six := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")
	for _, c := range []struct {
		name  string
		addrs []netip.Addr
		want  []netip.Addr // nil: there is no outside host, and it is said
	}{
		{"both families", []netip.Addr{four, six}, []netip.Addr{four}},
		{"the other family alone", []netip.Addr{six}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &Cluster{
				config:      Config{Outside: []Outside{{Name: "out", Addrs: c.addrs}}},
				description: cluster.Description{Families: []flow.Family{flow.IPv4}, Lacks: map[string]string{}},
			}
			if err := k.checkOutside(); err != nil {
				t.Fatal(err)
			}
			var got []netip.Addr
			for _, h := range k.External() {
				got = append(got, h.Addrs...)
			}
			if !slices.Equal(got, c.want) || (k.description.Lacks["external-host"] == "") != (c.want != nil) {
				t.Errorf("hosts have %v, want %v; it is lacking because %q", got, c.want, k.description.Lacks["external-host"])
			}
			if len(k.description.ExternalCIDRs) != len(c.want) {
				t.Errorf("outside is %v", k.description.ExternalCIDRs)
			}
		})
	}
}
