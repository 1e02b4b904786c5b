package kube

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

const (
	outsidePort = 5999
	// settling is how long a network may take until the first packets get through, and
	// after those, others.
	settling = 20 * time.Second
	settled  = 5 * time.Second
	// tryTimeout is for one attempt.
	tryTimeout = 500 * time.Millisecond
)

// leg is one way that scenarios go, tried in every family.
type leg struct {
	name     string
	from, to flow.Endpoint
	kind     probes.Kind
	addrs    []netip.Addr
	port     uint16
	lacks    string // the feature that is missing where the leg does not work
}

// try finds out which protocols pass, and whether the outside and the nodes can take
// part. That TCP passes between pods is not asked for here: every scenario's control
// does that, and says where it does not.
func (c *Cluster) try(ctx context.Context, found *scouts) error {
	legs := c.legs(found)
	if err := c.serve(ctx, legs); err != nil {
		return err
	}
	c.description.Protocols = []flow.Protocol{flow.TCP, flow.UDP, flow.SCTP}
	patience := settling
	for _, l := range legs {
		if c.description.Lacks[l.lacks] != "" {
			continue
		}
		detail, err := c.tryLeg(ctx, l, time.Now().Add(patience))
		patience = settled
		if err != nil {
			return err
		}
		if detail != "" && l.lacks != "" {
			c.description.Lacks[l.lacks] = l.name + ": " + detail
		}
	}
	if c.description.Lacks["sctp"] != "" {
		c.description.Protocols = []flow.Protocol{flow.TCP, flow.UDP}
	}
	return nil
}

// noSCTP notes why there is none.
func (c *Cluster) noSCTP(reason string) {
	c.lacking.Lock()
	defer c.lacking.Unlock()
	c.description.Lacks["sctp"] = reason
}

func (c *Cluster) legs(found *scouts) []leg {
	ns := c.home.namespace
	first, last := 1, len(c.nodes)
	a, b := flow.Pod(ns, scout(first)), flow.Pod(ns, scout(last))
	legs := []leg{{"the network", a, b, probes.KindTCP, found.pods[last], scoutPort, ""}}
	if first != last {
		legs = append(legs,
			leg{"SCTP does not pass between pods", a, b, probes.KindSCTP, found.pods[last], scoutPort, "sctp"},
			leg{"SCTP does not pass through a ClusterIP", a, b, probes.KindSCTP, found.services, scoutService, "sctp"})
	}
	for i, o := range c.config.Outside {
		outside := flow.External(i + 1)
		legs = append(legs,
			leg{fmt.Sprintf("pods do not reach outside host %q", o.Name), b, outside, probes.KindTCP, o.Addrs, outsidePort, "external-host"})
		for n := range c.nodes {
			pod := flow.Pod(ns, scout(n+1))
			legs = append(legs, leg{
				fmt.Sprintf("outside host %q does not reach pods (it needs a route to %v through the nodes)", o.Name, c.description.PodCIDRs),
				outside, pod, probes.KindTCP, found.pods[n+1], scoutPort, "external-host",
			})
		}
	}
	for n, node := range c.nodes {
		legs = append(legs,
			leg{fmt.Sprintf("pods do not reach node %q", node.Name), a, flow.Node(n + 1), probes.KindTCP, node.Addrs, c.home.port(), "node-traffic"},
			leg{fmt.Sprintf("node %q does not reach pods", node.Name), flow.Node(n + 1), a, probes.KindTCP, found.pods[first], scoutPort, "node-traffic"})
	}
	return legs
}

// serve has every endpoint listen that takes part in a leg. Who cannot, lacks what the
// leg is for.
func (c *Cluster) serve(ctx context.Context, legs []leg) error {
	for _, l := range legs {
		targets, port := []flow.Endpoint{l.to}, probes.Port{Kind: l.kind, Number: l.port}
		if l.port == scoutService {
			targets, port.Number = c.scoutPods(), scoutPort
		}
		for _, to := range targets {
			if c.description.Lacks[l.lacks] != "" {
				break
			}
			err := c.with(ctx, to, func(client *probes.Client) error { return client.Serve(ctx, []probes.Port{port}) })
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil && l.lacks != "" {
				c.description.Lacks[l.lacks] = fmt.Sprintf("%s: %v", to, err)
			}
		}
	}
	return nil
}

func (c *Cluster) scoutPods() []flow.Endpoint {
	list := make([]flow.Endpoint, len(c.nodes))
	for n := range c.nodes {
		list[n] = flow.Pod(c.home.namespace, scout(n+1))
	}
	return list
}

func (c *Cluster) with(ctx context.Context, e flow.Endpoint, do func(*probes.Client) error) error {
	stream, err := c.Attach(ctx, e)
	if err != nil {
		return err
	}
	client := probes.NewClient(stream)
	defer client.Close()
	return do(client)
}

// tryLeg returns "" as soon as the leg has worked in every family, and else what went
// wrong last.
func (c *Cluster) tryLeg(ctx context.Context, l leg, deadline time.Time) (detail string, err error) {
	var list []probes.Probe
	for _, a := range l.addrs {
		if slices.Contains(c.description.Families, flow.FamilyOf(a)) {
			list = append(list, probes.Probe{
				Kind: l.kind, Address: netip.AddrPortFrom(a, l.port), Timeouts: []time.Duration{tryTimeout, tryTimeout},
			})
		}
	}
	err = c.with(ctx, l.from, func(client *probes.Client) error {
		for {
			results, err := client.Probe(ctx, list)
			if err != nil {
				return err
			}
			detail = failures(list, results)
			if detail == "" || time.Now().After(deadline) || !pause(ctx, apiRetry) {
				return ctx.Err()
			}
		}
	})
	return detail, err
}

func failures(list []probes.Probe, results []probes.Result) string {
	text := ""
	for i, r := range results {
		if r.Outcome != flow.Connected {
			text += fmt.Sprintf("%s %s ", list[i].Address, r.Outcome)
		}
	}
	return text
}
