package adopt

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/flow"
)

// ports finds out what a pod serves: what its containers declare, what Services send
// to it and what rules open on it.
type ports struct {
	*importer
	decoy flow.Port // that no rule opens; 0 for none
}

func (i *importer) newPorts() *ports {
	p := &ports{importer: i}
	if i.options.DeclaredPorts {
		return p
	}
	for number := uint16(9999); number > 1024; number-- {
		if !i.opened(number) && !i.declared(number) {
			p.decoy = flow.Port{Number: number, Protocol: flow.TCP}
			return p
		}
	}
	return p
}

func (i *importer) declared(number uint16) bool {
	return slices.ContainsFunc(i.workloads, func(w Workload) bool {
		return slices.ContainsFunc(w.Ports, func(p flow.Port) bool { return p.Number == number })
	})
}

// opened reports whether any rule with numbers opens the port.
func (i *importer) opened(number uint16) bool {
	found := false
	for _, p := range i.policies {
		eachRule(p, func(_ []networkingv1.NetworkPolicyPeer, list []networkingv1.NetworkPolicyPort, _ bool) {
			for _, port := range list {
				first, last := bounds(port)
				found = found || first <= int32(number) && int32(number) <= last
			}
		})
	}
	return found
}

// bounds are the first and the last number of a port; 0 and -1 of one that has none.
func bounds(p networkingv1.NetworkPolicyPort) (first, last int32) {
	switch {
	case p.Port == nil || p.Port.Type == intstr.String:
		return 0, -1
	case p.EndPort != nil:
		return p.Port.IntVal, *p.EndPort
	}
	return p.Port.IntVal, p.Port.IntVal
}

func eachRule(p *networkingv1.NetworkPolicy, do func(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort, ingress bool)) {
	for _, r := range p.Spec.Ingress {
		do(r.From, r.Ports, true)
	}
	for _, r := range p.Spec.Egress {
		do(r.To, r.Ports, false)
	}
}

// of is what the probe of a workload serves, sorted.
func (p *ports) of(w Workload) []flow.Port {
	list := slices.Clone(w.Ports)
	list = append(list, p.byServices(w)...)
	list = append(list, p.byRules(w)...)
	if p.ruled(w) {
		list = append(list, p.decoys()...)
	}
	return p.tidy(w, list)
}

// byServices are the numbers that Services send to; a name is one that a container
// declares.
func (p *ports) byServices(w Workload) []flow.Port {
	var list []flow.Port
	for _, s := range p.services {
		if s.Namespace != w.Namespace || len(s.Spec.Selector) == 0 || !labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(w.Labels)) {
			continue
		}
		for _, port := range s.Spec.Ports {
			protocol, ok := protocolOf(port.Protocol)
			if number := targetOf(port); ok && number >= 1 && number <= 65535 {
				list = append(list, flow.Port{Number: uint16(number), Protocol: protocol})
			}
		}
	}
	return list
}

func targetOf(p corev1.ServicePort) int32 {
	switch {
	case p.TargetPort.Type == intstr.String && p.TargetPort.StrVal != "":
		return 0
	case p.TargetPort.IntVal != 0:
		return p.TargetPort.IntVal
	}
	return p.Port
}

// byRules are the numbers that rules open on the pod, and of a range its ends.
func (p *ports) byRules(w Workload) []flow.Port {
	var list []flow.Port
	p.rulesAbout(w, func(port networkingv1.NetworkPolicyPort) {
		list = append(list, edges(port)...)
	})
	return list
}

// edges are the number that a rule opens, or of a range its ends.
func edges(port networkingv1.NetworkPolicyPort) []flow.Port {
	first, last := bounds(port)
	protocol, ok := protocolOf(*port.Protocol)
	if !ok || first < 1 || last > 65535 {
		return nil
	}
	var list []flow.Port
	for _, number := range slices.Compact([]int32{first, last}) {
		list = append(list, flow.Port{Number: uint16(number), Protocol: protocol})
	}
	return list
}

// decoys is the port that no rule opens, if there is one.
func (p *ports) decoys() []flow.Port {
	if p.decoy.Number == 0 {
		return nil
	}
	return []flow.Port{p.decoy}
}

// ruled reports whether a rule with ports is about the workload.
func (p *ports) ruled(w Workload) bool {
	found := false
	p.rulesAbout(w, func(networkingv1.NetworkPolicyPort) { found = true })
	return found
}

// rulesAbout calls do for every port of the ingress rules of policies that select the
// workload, and of the egress rules that name it by its labels.
func (p *ports) rulesAbout(w Workload, do func(networkingv1.NetworkPolicyPort)) {
	for _, policy := range p.policies {
		selected := policy.Namespace == w.Namespace && matches(&policy.Spec.PodSelector, w.Labels)
		eachRule(policy, func(peers []networkingv1.NetworkPolicyPeer, list []networkingv1.NetworkPolicyPort, ingress bool) {
			if ingress && !selected || !ingress && !p.namedBy(peers, policy.Namespace, w) {
				return
			}
			for _, port := range list {
				do(port)
			}
		})
	}
}

func (p *ports) namedBy(peers []networkingv1.NetworkPolicyPeer, home string, w Workload) bool {
	return slices.ContainsFunc(peers, func(peer networkingv1.NetworkPolicyPeer) bool {
		return peer.PodSelector != nil && !empty(peer.PodSelector) && admits(&peer, home, w.Labels, w.Namespace, p.labelsOf(w.Namespace))
	})
}

func (i *importer) labelsOf(name string) map[string]string {
	for _, ns := range i.namespaces {
		if ns.real == name {
			return ns.labels
		}
	}
	return nil
}

// tidy sorts, prefers a port with a name to the same one without, and lets every name
// stand for one port only.
func (p *ports) tidy(w Workload, list []flow.Port) []flow.Port {
	slices.SortStableFunc(list, func(a, b flow.Port) int {
		named := func(p flow.Port) int {
			if p.Name == "" {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(named(a), named(b)))
	})
	list = slices.CompactFunc(list, func(a, b flow.Port) bool { return a.Number == b.Number && a.Protocol == b.Protocol })
	names := map[string]flow.Port{}
	for n := range list {
		name := list[n].Name
		if first, again := names[name]; again && name != "" {
			p.note("%s: the port name %s stands for %s only, not for %s as well: a scenario's pod uses a name once", w, name, first, list[n])
			list[n].Name = ""
			continue
		}
		names[name] = list[n]
	}
	return list
}
