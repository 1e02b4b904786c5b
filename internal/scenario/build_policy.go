package scenario

import (
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/netpol"
)

// plainPolicy judges a policy as an API server would. Where no namespace is given
// kubectl fills one in.
func (d *decoder) plainPolicy(p *networkingv1.NetworkPolicy, at string) {
	d.structural = len(d.problems)
	if p.Namespace == "" {
		p.Namespace = metav1.NamespaceDefault
	}
	d.validate(p, at)
}

// validate maps what the API server would say to the lines of the file.
func (d *decoder) validate(p *networkingv1.NetworkPolicy, at string) {
	netpol.Default(p)
	for _, err := range netpol.Validate(p) {
		d.wrong(child(at, err.Field), "%s", err.ErrorBody())
	}
}

// scenarioPolicy checks a policy of a scenario: its namespace, its variables, and
// then what becomes of it in the symbolic cluster.
func (b *builder) scenarioPolicy(m Manifest, at string) {
	p := m.policy.DeepCopy()
	path := child(at, "metadata.namespace")
	if p.Namespace == "" {
		b.wrong(path, "is missing: write the namespace of the topology that the policy belongs to")
		p.Namespace = metav1.NamespaceDefault
	} else {
		b.namespaceExists(p.Namespace, path)
	}
	sound := true
	for _, t := range templates(p) {
		path := child(at, t.path)
		if !b.variables(t, path) {
			sound = false
			continue
		}
		filled, err := t.fill(b.binding)
		if err != nil && b.named {
			b.wrong(path, "%v", err)
		}
		t.set(filled)
	}
	if sound {
		b.validate(p, at)
	}
}

// variables checks the variables of one string.
func (b *builder) variables(t template, path string) bool {
	refs := reference.FindAllStringSubmatch(t.text, -1)
	for _, ref := range refs {
		v, err := parseVariable(ref[1])
		if err != nil {
			b.wrong(path, "%v", err)
			return false
		}
		if b.named && !b.variableFits(v, t, path) {
			return false
		}
	}
	return true
}

// variableFits reports a variable whose subject the topology does not have, or that
// cannot be used as it is.
func (b *builder) variableFits(v variable, t template, path string) bool {
	before := len(b.problems)
	top := b.s.Topology
	switch {
	case v.namespace == kubeSystem:
	case v.namespace != "":
		b.namespaceExists(v.namespace, path)
	case v.endpoint.Kind == flow.KindPod:
		b.podExists(v.endpoint, path)
	case v.endpoint.Kind == flow.KindExternal && v.endpoint.Number() > top.External.Hosts:
		b.wrong(path, "${%s} needs %d hosts outside the cluster, the topology has %d: write external: {hosts: %d}", v.text, v.endpoint.Number(), top.External.Hosts, v.endpoint.Number())
	case v.endpoint.Kind == flow.KindNode && v.endpoint.Number() > top.NodeCount():
		b.wrong(path, "${%s} names a node that no pod of the topology is placed on", v.text)
	}
	if t.cidr && len(b.problems) == before {
		b.cidrShape(v, t, path)
	}
	return len(b.problems) == before
}

// cidrShape keeps a CIDR independent of the address that a cluster happens to use.
func (b *builder) cidrShape(v variable, t template, path string) {
	rest := strings.TrimPrefix(t.text, "${"+v.text+"}")
	switch {
	case v.namespace != "":
		b.wrong(path, "${%s} is the name of a namespace, not a CIDR", v.text)
	case v.whole && rest != "":
		b.wrong(path, "${%s} is a whole CIDR: write it alone", v.text)
	case v.whole:
	case v.family == flow.IPv4 && rest != "/32":
		b.wrong(path, "${%s} is one address: write ${%s}/32", v.text, v.text)
	case v.family == flow.IPv6 && rest != "/128":
		b.wrong(path, "${%s} is one address: write ${%s}/128", v.text, v.text)
	case rest != "/32" && rest != "/128":
		b.wrong(path, "${%s} is one address: write ${%s4}/32 or ${%s6}/128", v.text, v.text, v.text)
	}
}
