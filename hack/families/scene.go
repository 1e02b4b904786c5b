package main

import (
	"fmt"
	"slices"
	"strings"
)

// The documents that lay down what the families test.
const (
	refRules  = "https://github.com/kubernetes/api/blob/v0.36.3/networking/v1/types.go#L104-L133"
	refPorts  = "https://github.com/kubernetes/api/blob/v0.36.3/networking/v1/types.go#L158-L177"
	refBlocks = "https://github.com/kubernetes/api/blob/v0.36.3/networking/v1/types.go#L182-L195"
	refUnion  = "https://kubernetes.io/docs/concepts/services-networking/network-policies/#the-two-sorts-of-pod-isolation"
)

// scene is a scenario before it is text.
type scene struct {
	topic, name, from string
	summary           string
	features          []string
	refs              []string
	topology          string   // a blank and a name, or lines
	steps             []string // as text
}

func (s scene) file() file {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: cniproof.dev/v1alpha1\nkind: Scenario\nmetadata: {name: %s}\nspec:\n", s.name)
	fmt.Fprintf(&b, "  summary: %s\n  level: must\n", s.summary)
	fmt.Fprintf(&b, "  features: [%s]\n  refs:\n", strings.Join(slices.Sorted(slices.Values(s.features)), ", "))
	for _, ref := range s.refs {
		fmt.Fprintf(&b, "  - %s\n", ref)
	}
	fmt.Fprintf(&b, "  topology:%s\n  steps:\n", s.topology)
	for _, step := range s.steps {
		b.WriteString(step)
	}
	return file{s.topic, s.name, s.from, b.String()}
}

// direction is a half of a policy, and the words that differ between the two.
type direction struct {
	name, kind string // ingress, Ingress
	peers      string // from, to
}

func directions() []direction {
	return []direction{{"ingress", "Ingress", "from"}, {"egress", "Egress", "to"}}
}

// isolated is the line that shuts what the policies of namespace x isolate.
func (d direction) isolated(pods string) string {
	if d.name == "ingress" {
		return fmt.Sprintf("deny: \"* -> %s\"", pods)
	}
	return fmt.Sprintf("deny: \"%s -> *\"", pods)
}

// opened are the lines that open a port between a peer and pods of namespace x.
func (d direction) opened(pods string, p peer, port string) []string {
	var lines []string
	for _, side := range p.sides {
		from, to := side, pods
		if d.name == "egress" {
			from, to = pods, side
		}
		lines = append(lines, fmt.Sprintf("allow: \"%s -> %s:%s%s\"", from, to, port, p.over))
	}
	if p.blurred {
		from, to := "*/*", pods
		if d.name == "egress" {
			from, to = pods, "*/*"
		}
		lines = append(lines, fmt.Sprintf("undefined: \"%s -> %s:%s over ipv4 via clusterIP\"", from, to, port))
	}
	return lines
}

// rule admits one peer or more on some ports.
type rule struct {
	peers []peer
	ports ports
}

// text is the rule as a list entry at this depth.
func (r rule) text(d direction, depth string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s- %s:\n", depth, d.peers)
	for _, p := range r.peers {
		fmt.Fprintf(&b, "%s  - %s\n", depth, p.yaml)
	}
	fmt.Fprintf(&b, "%s  ports: [%s]\n", depth, r.ports.yaml)
	return b.String()
}

// lines say what the rule opens, for pods of namespace x.
func (r rule) lines(d direction, pods string) []string {
	var lines []string
	for _, p := range r.peers {
		for _, port := range r.ports.opens {
			lines = append(lines, d.opened(pods, p, port)...)
		}
	}
	return lines
}

// policy isolates pods of namespace x in one direction.
type policy struct {
	name     string
	selector string // {} or what stands within podSelector
	pods     string // whom it selects, as a flow line says it
	rules    []rule
}

func (p policy) text(d direction) string {
	var b strings.Builder
	fmt.Fprintf(&b, "    - apiVersion: networking.k8s.io/v1\n      kind: NetworkPolicy\n      metadata: {name: %s, namespace: x}\n", p.name)
	fmt.Fprintf(&b, "      spec:\n        podSelector: %s\n        policyTypes: [%s]\n        %s:\n", p.selector, d.kind, d.name)
	for _, r := range p.rules {
		b.WriteString(r.text(d, "        "))
	}
	return b.String()
}

// step applies policies and expects that they isolate their pods, but for the rules.
func step(name string, d direction, policies ...policy) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - name: %s\n    apply:\n", name)
	var shut, open []string
	for _, p := range policies {
		b.WriteString(p.text(d))
		shut = append(shut, d.isolated(p.pods))
		for _, r := range p.rules {
			open = append(open, r.lines(d, p.pods)...)
		}
	}
	return b.String() + expectation(append(unique(shut), unique(open)...))
}

func unique(lines []string) []string {
	var out []string
	for _, l := range lines {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// expectation is all open, but for the lines.
func expectation(lines []string) string {
	var b strings.Builder
	b.WriteString("    expect:\n      default: allow\n      flows:\n")
	for _, l := range lines {
		fmt.Fprintf(&b, "      - %s\n", l)
	}
	return b.String()
}
