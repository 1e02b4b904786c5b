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
	for _, kind := range served() {
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

// BenchmarkAgents measures probes per second between two real agents, each in a
// network namespace of its own.
func BenchmarkAgents(b *testing.B) {
	for _, kind := range served() {
		b.Run(string(kind), func(b *testing.B) {
			left, right := twoSpaces(b)
			from, to := left.start(b, "left"), right.start(b, "right")
			const first, ports, batch = 100, 50, 500
			var served []Port
			for n := range ports {
				served = append(served, Port{kind, uint16(first + n)})
			}
			serve(b, to.Client, served...)
			load(b, from, kind, first, ports, batch) // neighbours are known then
			n := 0
			for b.Loop() {
				load(b, from, kind, first, ports, batch)
				n += batch
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "probes/s")
			b.ReportMetric(float64(from.resident(b))/(1<<20), "client-MB")
			b.ReportMetric(float64(to.resident(b))/(1<<20), "server-MB")
		})
	}
}

// BenchmarkOne measures one probe after the other: the round trip of a batch of one.
func BenchmarkOne(b *testing.B) {
	left, right := twoSpaces(b)
	from, to := left.start(b, "left"), right.start(b, "right")
	const first, ports = 100, 50
	var served []Port
	for n := range ports {
		served = append(served, Port{KindTCP, uint16(first + n)})
	}
	serve(b, to.Client, served...)
	n := 0
	for b.Loop() {
		load(b, from, KindTCP, uint16(first+n%ports), 1, 1)
		n++
	}
}
