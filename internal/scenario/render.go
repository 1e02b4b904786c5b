package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/netpol"
	"github.com/cniproof/cniproof/internal/strict"
)

// Render is the policy as the cluster's API server would store it: with the real
// name of its namespace, its variables filled in, defaulted and validated. The
// error wraps ErrNoAddress where the cluster has no address for a variable.
func (m Manifest) Render(b Binding) (*networkingv1.NetworkPolicy, error) {
	policy, err := m.Fill(b)
	if err != nil {
		return nil, fmt.Errorf("rendering NetworkPolicy %q: %w", m.Key(), err)
	}
	netpol.Default(policy)
	if err := netpol.Validate(policy).ToAggregate(); err != nil {
		return nil, fmt.Errorf("validating NetworkPolicy %q: %w", m.Key(), err)
	}
	return policy, nil
}

// Fill is the policy as it was written, to be sent to an API server: what the
// author left out is left for the server to default. It errs as Render does, but
// validates nothing.
func (m Manifest) Fill(b Binding) (*networkingv1.NetworkPolicy, error) {
	policy := m.policy.DeepCopy()
	var err error
	if policy.Namespace, err = b.realNamespace(policy.Namespace); err != nil {
		return nil, err
	}
	for _, t := range templates(policy) {
		filled, err := t.fill(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.path, err)
		}
		t.set(filled)
	}
	return policy, nil
}

// Fill is the change with the real names of namespaces as values.
func (c LabelChange) Fill(b Binding) (LabelChange, error) {
	filled := LabelChange{c.Namespace, c.Pod, maps.Clone(c.Labels)}
	for key, value := range c.Labels {
		if value == nil {
			continue
		}
		text, err := template{text: *value}.fill(b)
		if err != nil {
			return LabelChange{}, fmt.Errorf("label %q of %s: %w", key, strings.TrimSuffix(c.Namespace+"/"+c.Pod, "/"), err)
		}
		filled.Labels[key] = &text
	}
	return filled, nil
}

// template is a string of a policy in which variables are filled in.
type template struct {
	path string
	text string
	cidr bool
	set  func(string)
}

func (t template) fill(b Binding) (string, error) {
	var failed error
	filled := reference.ReplaceAllStringFunc(t.text, func(ref string) string {
		v, err := parseVariable(ref[2 : len(ref)-1])
		if err == nil {
			ref, err = v.value(b, t.family())
		}
		if err != nil && failed == nil {
			failed = err
		}
		return ref
	})
	return filled, failed
}

// family is the one that the length of a prefix implies, where a variable leaves
// it open: "${external.ip}/32" is about IPv4.
func (t template) family() flow.Family {
	switch {
	case !t.cidr:
	case strings.HasSuffix(t.text, "}/32"):
		return flow.IPv4
	case strings.HasSuffix(t.text, "}/128"):
		return flow.IPv6
	}
	return flow.FamilyUnknown
}

// templates are the strings of a policy that variables may stand in: the values of
// selectors, and CIDRs.
func templates(p *networkingv1.NetworkPolicy) []template {
	list := selectorTemplates(nil, &p.Spec.PodSelector, "spec.podSelector")
	for i := range p.Spec.Ingress {
		list = peerTemplates(list, p.Spec.Ingress[i].From, strict.Child(strict.Index("spec.ingress", i), "from"))
	}
	for i := range p.Spec.Egress {
		list = peerTemplates(list, p.Spec.Egress[i].To, strict.Child(strict.Index("spec.egress", i), "to"))
	}
	return list
}

func peerTemplates(list []template, peers []networkingv1.NetworkPolicyPeer, path string) []template {
	for i := range peers {
		at := strict.Index(path, i)
		list = selectorTemplates(list, peers[i].PodSelector, strict.Child(at, "podSelector"))
		list = selectorTemplates(list, peers[i].NamespaceSelector, strict.Child(at, "namespaceSelector"))
		if block := peers[i].IPBlock; block != nil {
			at = strict.Child(at, "ipBlock")
			list = appendTemplate(list, &block.CIDR, strict.Child(at, "cidr"), true)
			for k := range block.Except {
				list = appendTemplate(list, &block.Except[k], strict.Index(strict.Child(at, "except"), k), true)
			}
		}
	}
	return list
}

func selectorTemplates(list []template, s *metav1.LabelSelector, path string) []template {
	if s == nil {
		return list
	}
	for _, key := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		if value := s.MatchLabels[key]; strings.Contains(value, "${") {
			set := func(filled string) { s.MatchLabels[key] = filled }
			list = append(list, template{strict.Entry(strict.Child(path, "matchLabels"), key), value, false, set})
		}
	}
	for i := range s.MatchExpressions {
		values := s.MatchExpressions[i].Values
		for k := range values {
			at := strict.Index(strict.Child(strict.Index(strict.Child(path, "matchExpressions"), i), "values"), k)
			list = appendTemplate(list, &values[k], at, false)
		}
	}
	return list
}

func appendTemplate(list []template, text *string, path string, cidr bool) []template {
	if !strings.Contains(*text, "${") {
		return list
	}
	return append(list, template{path, *text, cidr, func(filled string) { *text = filled }})
}
