package runner

import (
	"net/netip"
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/observe"
	"github.com/cniproof/cniproof/internal/promise"
	"github.com/cniproof/cniproof/internal/scenario"
)

const (
	clusterDomain = "svc.cluster.local."
	dnsPort       = 53
)

// axes are what the cluster can be probed along, as far as it was chosen. By default
// names are looked up where the scenario's pods are given the cluster's DNS anyhow, and
// where a promise names the scenario for it.
func (r *run) axes(s *scenario.Scenario) scenario.Axes {
	d := r.cfg.Cluster.Description()
	have := scenario.Axes{
		Families:  d.Families,
		Vias:      []flow.Via{flow.PodIP, flow.ClusterIP},
		Protocols: d.Protocols,
	}
	choice := r.choice(s)
	named := s.Topology.DNS || choice.Vias != nil || choice.Nothing() && promise.ByName(r.cfg.Promises, s.Name)
	if _, lacks := d.Lacks["dns"]; !lacks && named {
		have.Vias = append(have.Vias, flow.ByName)
	}
	return choice.Of(have)
}

// choice is the default for what the run itself wants to know, before or beside the
// scenarios that it was given.
func (r *run) choice(s *scenario.Scenario) scenario.Choice {
	if slices.Contains(r.cfg.Scenarios, s) {
		return r.cfg.Axes
	}
	return scenario.Choice{}
}

// byName makes the source look the destination's name up first, where the flow says so.
func (b *bench) byName(t *observe.Target, servers []netip.Addr) {
	if t.Flow.Via != flow.ByName {
		return
	}
	pod := b.stage.Agent(t.Flow.Destination)
	server, ok := ofFamily(servers, t.Flow.Family)
	if !ok && len(servers) > 0 {
		server = servers[0]
	}
	t.Name, t.Resolver = pod.Name+"."+pod.Namespace+"."+clusterDomain, netip.AddrPortFrom(server, dnsPort)
}

// hollow reports whether the axes that were chosen left nothing to deny: flows by name
// are not expected anything of where no name can be asked for.
func (p *play) hollow() bool {
	if p.bench.run.choice(p.scenario).Default() || p.scenario.Control || !p.scenario.Level.Scored() {
		return false
	}
	return !slices.ContainsFunc(p.result.Steps, func(s judge.Step) bool { return s.Denied > 0 })
}

// nameless reports whether the source of a flow by name may not ask for the name: the
// flow cannot be tried then, and is none that says anything.
func (p *play) nameless(f flow.Flow) bool {
	if f.Via != flow.ByName {
		return false
	}
	question := flow.Flow{
		Source: f.Source, Destination: flow.DNS(), Protocol: flow.UDP, Port: dnsPort, Via: flow.ClusterIP, Family: f.Family,
	}
	return p.world.Expect(question) != flow.Allow
}
