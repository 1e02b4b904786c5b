package scenario

import (
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/netpol"
)

// MirrorSuffix makes the name of a mirror.
const MirrorSuffix = "-mirrored"

// Mirror is the scenario with ingress and egress having changed places in every policy,
// and the two ends in every flow that it expects something of. Where that would be
// another scenario than the mirror of this one, it says why there is none:
// what a source may reach and what a destination may admit are alike only where both
// ends serve the same ports, and neither is a node or the cluster's DNS.
func (s *Scenario) Mirror() (mirror *Scenario, why string) {
	if why := s.unmirrored(); why != "" {
		return nil, why
	}
	m := *s
	m.Mirrored = true
	m.Name = s.Name + MirrorSuffix
	m.Summary = s.Summary + " With ingress and egress exchanged."
	m.Features = mirroredFeatures(s.Features)
	m.Steps = make([]Step, len(s.Steps))
	for i, step := range s.Steps {
		m.Steps[i] = step.mirror()
	}
	return &m, ""
}

func (s *Scenario) unmirrored() string {
	t := s.Topology
	switch {
	case s.Mirrored:
		return "it is a mirror"
	case t.DNS:
		return "the cluster's DNS dials nobody"
	case t.Nodes.Probed || len(t.onHost()) > 0:
		return "a node reaches its own pods whatever the policies say"
	case len(t.Pods) > 0 && !alike(t):
		return "its endpoints do not all serve the same ports"
	case t.External.Hosts > 0 && s.namesPorts():
		return "the name of a port means nothing on a host outside"
	}
	return ""
}

// alike reports whether all endpoints serve the same ports, the pods by the same names.
func alike(t Topology) bool {
	first := t.Pods[0].Ports
	for _, p := range t.Pods {
		if !slices.Equal(p.Ports, first) {
			return false
		}
	}
	nameless := func(ports []flow.Port) []flow.Port {
		list := slices.Clone(ports)
		for i := range list {
			list[i].Name = ""
		}
		return list
	}
	return t.External.Hosts == 0 || slices.Equal(nameless(first), nameless(t.External.Ports))
}

func (s *Scenario) namesPorts() bool {
	return slices.ContainsFunc(s.Steps, func(step Step) bool {
		return slices.ContainsFunc(step.Acts, func(a Act) bool { return slices.ContainsFunc(a.Apply, Manifest.namesPorts) })
	})
}

func (m Manifest) namesPorts() bool {
	named := func(ports []networkingv1.NetworkPolicyPort) bool {
		return slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool {
			return p.Port != nil && p.Port.Type == intstr.String
		})
	}
	return slices.ContainsFunc(m.policy.Spec.Ingress, func(r networkingv1.NetworkPolicyIngressRule) bool { return named(r.Ports) }) ||
		slices.ContainsFunc(m.policy.Spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool { return named(r.Ports) })
}

func mirroredFeatures(features []string) []string {
	list := slices.Clone(features)
	for i, f := range list {
		switch f {
		case "ingress":
			list[i] = "egress"
		case "egress":
			list[i] = "ingress"
		}
	}
	slices.Sort(list)
	return list
}

func (s Step) mirror() Step {
	m := s
	m.Acts = slices.Clone(s.Acts)
	for i, act := range s.Acts {
		m.Acts[i].Apply = make([]Manifest, len(act.Apply))
		for k, manifest := range act.Apply {
			m.Acts[i].Apply[k] = Manifest{mirroredPolicy(manifest.policy)}
		}
	}
	if s.Source != "" {
		m.Source = "# In every policy ingress and egress have changed places.\n" + s.Source
	}
	m.Expect.Lines = make([]Line, len(s.Expect.Lines))
	for i, line := range s.Expect.Lines {
		m.Expect.Lines[i] = line.mirror()
	}
	return m
}

func (l Line) mirror() Line {
	m := l
	m.Text = fmt.Sprintf("mirror of %s", l.Text)
	m.match = func(f flow.Flow) bool {
		f.Source, f.Destination = f.Destination, f.Source
		return l.Matches(f)
	}
	return m
}

// mirroredPolicy has the defaults filled in: which types a policy has when it names none
// depends on what it says of egress.
func mirroredPolicy(p *networkingv1.NetworkPolicy) *networkingv1.NetworkPolicy {
	m := p.DeepCopy()
	netpol.Default(m)
	ingress, egress := m.Spec.Ingress, m.Spec.Egress
	m.Spec.Ingress, m.Spec.Egress = nil, nil
	for _, r := range egress {
		m.Spec.Ingress = append(m.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{Ports: r.Ports, From: r.To})
	}
	for _, r := range ingress {
		m.Spec.Egress = append(m.Spec.Egress, networkingv1.NetworkPolicyEgressRule{Ports: r.Ports, To: r.From})
	}
	for i, kind := range m.Spec.PolicyTypes {
		m.Spec.PolicyTypes[i] = networkingv1.PolicyTypeIngress
		if kind == networkingv1.PolicyTypeIngress {
			m.Spec.PolicyTypes[i] = networkingv1.PolicyTypeEgress
		}
	}
	return m
}
