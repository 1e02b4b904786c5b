//go:build linux

package probes

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// BenchmarkLoopback measures probes per second of one agent that probes itself
// over loopback, in batches of 500 over many ports and addresses.
func BenchmarkLoopback(b *testing.B) {
	for _, kind := range []Kind{KindTCP, KindUDP, KindSCTP} {
		b.Run(string(kind), func(b *testing.B) {
			c := startAgent(b, "shop/web")
			serve(b, c, Port{kind, 7100})
			n := 0
			for b.Loop() {
				batch := make([]Probe, 500)
				for i := range batch {
					batch[i] = Probe{
						Kind:     kind,
						Address:  netip.MustParseAddrPort(fmt.Sprintf("127.0.%d.%d:7100", i/250, i%250+1)),
						Timeouts: []time.Duration{2 * time.Second},
					}
				}
				results, err := c.Probe(b.Context(), batch)
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range results {
					if r.Peer != "shop/web" {
						b.Fatalf("%+v", r)
					}
				}
				n += len(batch)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "probes/s")
		})
	}
}
