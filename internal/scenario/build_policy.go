package scenario

import (
	"fmt"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/netpol"
	"github.com/cniproof/cniproof/internal/strict"
)

// plainPolicy judges a policy as an API server would. Where no namespace is given
// kubectl fills one in.
func (d *decoder) plainPolicy(p *networkingv1.NetworkPolicy, at string, seen map[PolicyKey]int) {
	d.Shaped()
	if p.Namespace == "" {
		p.Namespace = metav1.NamespaceDefault
	}
	d.validate(p, at)
	key := Manifest{p}.Key()
	if first, again := seen[key]; again && key.Name != "" {
		d.Wrong(strict.Child(at, "metadata"), "policy %q stands on line %d already: kubectl would keep the last one only", key.String(), first)
		return
	}
	seen[key] = d.Lines.Line(at)
}

// validate maps what the API server would say to the lines of the file, but for
// fields about which something has been said already.
func (d *decoder) validate(p *networkingv1.NetworkPolicy, at string) {
	said := map[string]bool{}
	for _, problem := range d.Problems {
		said[problem.Field] = true
	}
	netpol.Default(p)
	for _, err := range netpol.Validate(p) {
		path := strict.Child(at, err.Field)
		switch {
		case said[path] || d.InsideMalformed(path):
		case err.Type == field.ErrorTypeRequired:
			d.Wrong(path, "%s%s", err.ErrorBody(), d.nullSelector(path))
		default:
			d.ReportAt(d.labelAt(path, err.BadValue), "%s", err.ErrorBody())
		}
	}
}

// nullSelector explains a peer that is empty because its selector is.
func (d *decoder) nullSelector(path string) string {
	for _, name := range []string{"podSelector", "namespaceSelector"} {
		if d.Lines.Has(strict.Child(path, name)) {
			return fmt.Sprintf(": %s is null, write %s: {} to select everything", name, name)
		}
	}
	return ""
}

// labelAt is the path of a bad key in a map of labels; the API server names the map.
func (d *decoder) labelAt(path string, badValue any) string {
	if key, ok := badValue.(string); ok && d.Lines.Has(strict.Entry(path, key)) {
		return strict.Entry(path, key)
	}
	return path
}

// scenarioPolicy checks a policy of a scenario: its namespace, its variables, and
// then what becomes of it in the symbolic cluster.
func (b *builder) scenarioPolicy(m Manifest, at string) {
	p := m.policy.DeepCopy()
	path := strict.Child(at, "metadata.namespace")
	if p.Namespace == "" {
		b.Wrong(path, "is missing: write the namespace of the topology that the policy belongs to")
		p.Namespace = metav1.NamespaceDefault
	} else {
		b.namespaceExists(p.Namespace, path)
	}
	for _, t := range templates(p) {
		path := strict.Child(at, t.path)
		if !b.variables(t, path) {
			if !t.cidr {
				t.set("unknown") // or its value would be reported again
			}
			continue
		}
		filled, err := t.fill(b.binding)
		if err != nil {
			b.Wrong(path, "%v", err)
		}
		t.set(filled)
	}
	b.validate(p, at)
}

// variables checks the variables of one string.
func (b *builder) variables(t template, path string) bool {
	refs := reference.FindAllStringSubmatch(t.text, -1)
	for _, ref := range refs {
		v, err := parseVariable(ref[1])
		if err != nil {
			b.Wrong(path, "%v", err)
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
	before := len(b.Problems)
	top := b.s.Topology
	switch {
	case v.namespace == kubeSystem:
	case v.namespace != "":
		b.namespaceExists(v.namespace, path)
	case v.endpoint.Kind == flow.KindPod:
		b.podExists(v.endpoint, path)
	case v.endpoint.Kind == flow.KindExternal && v.endpoint.Number() > top.External.Hosts:
		b.Wrong(path, "the topology has %d hosts outside the cluster, too few for ${%s}: write external: {hosts: %d}", top.External.Hosts, v.text, v.endpoint.Number())
	case v.endpoint.Kind == flow.KindNode && v.endpoint.Number() > top.NodeCount():
		b.Wrong(path, "${%s} names a node that no pod of the topology is placed on", v.text)
	}
	if t.cidr && len(b.Problems) == before {
		b.cidrShape(v, t, path)
	}
	return len(b.Problems) == before
}

// cidrShape keeps a CIDR independent of the address that a cluster happens to use.
func (b *builder) cidrShape(v variable, t template, path string) {
	rest := strings.TrimPrefix(t.text, "${"+v.text+"}")
	switch {
	case v.namespace != "":
		b.Wrong(path, "${%s} is the name of a namespace, not a CIDR", v.text)
	case v.whole && rest != "":
		b.Wrong(path, "${%s} is a whole CIDR: write it alone", v.text)
	case v.whole:
	case v.family == flow.IPv4 && rest != "/32":
		b.Wrong(path, "${%s} is one address: write ${%s}/32", v.text, v.text)
	case v.family == flow.IPv6 && rest != "/128":
		b.Wrong(path, "${%s} is one address: write ${%s}/128", v.text, v.text)
	case rest != "/32" && rest != "/128":
		b.Wrong(path, "${%s} is one address: write ${%s4}/32 or ${%s6}/128", v.text, v.text, v.text)
	}
}
