//go:build linux

package probes

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/cniproof/cniproof/internal/flow"
)

// TestProbesByName checks that the address which the resolver answers with is dialled,
// and that a name without an answer is a probe that failed, never a denial.
func TestProbesByName(t *testing.T) {
	c := startAgent(t, "shop/web")
	serve(t, c, Port{KindTCP, 7160})
	server := dnsServer(t, func(m dnsmessage.Message) []dnsmessage.Message {
		r := reply(m)
		switch {
		case m.Questions[0].Name.String() != "web.shop.svc.cluster.local.":
			r.RCode = dnsmessage.RCodeNameError
		case m.Questions[0].Type == dnsmessage.TypeA:
			r.Answers = append(r.Answers, record(m, dnsmessage.TypeA, &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}))
		}
		return []dnsmessage.Message{r}
	})[KindDNSUDP]
	for name, try := range map[string]struct {
		asked, address, resolver string
		want                     flow.Outcome
		detail                   string
	}{
		"an answer":    {"web.shop.svc.cluster.local.", "192.0.2.1:7160", server, flow.Connected, ""},
		"no such name": {"api.shop.svc.cluster.local.", "127.0.0.1:7160", server, flow.Failed, "NXDOMAIN"},
		"no address":   {"web.shop.svc.cluster.local.", "[::1]:7160", server, flow.Failed, "no address of the family"},
		"no resolver":  {"web.shop.svc.cluster.local.", "127.0.0.1:7160", "127.0.0.1:1", flow.Failed, "could not tell"},
	} {
		p := Probe{
			Kind: KindTCP, Address: netip.MustParseAddrPort(try.address), Name: try.asked,
			Resolver: netip.MustParseAddrPort(try.resolver), Timeouts: []time.Duration{time.Second},
		}
		results, err := c.Probe(t.Context(), []Probe{p})
		if err != nil {
			t.Fatal(err)
		}
		if r := results[0]; r.Outcome != try.want || !strings.Contains(r.Detail, try.detail) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
