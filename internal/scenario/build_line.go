package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/strict"
)

func (b *builder) expectation(doc expectDoc, at string) Expectation {
	e := Expectation{Default: b.defaultVerdict(doc.Default, strict.Child(at, "default"))}
	var patterns []pattern
	var paths []string
	for i, line := range doc.Flows {
		path := strict.Index(strict.Child(at, "flows"), i)
		verdict, text, ok := b.verdictOf(line, path)
		if !ok {
			continue
		}
		path = strict.Child(path, verdict.String())
		p, err := parseLine(text)
		if err != nil {
			b.Wrong(path, "%v", err)
			continue
		}
		if b.named && !b.endpointsExist(p, path) {
			continue
		}
		patterns, paths = append(patterns, p), append(paths, path)
		e.Lines = append(e.Lines, Line{Verdict: verdict, Text: text, Row: b.Lines.Line(path), match: p.match, via: p.via})
	}
	if b.flows != nil {
		b.effects(e.Lines, patterns, paths)
	}
	return e
}

func (b *builder) defaultVerdict(word, path string) flow.Verdict {
	var v flow.Verdict
	if word == "" {
		b.Wrong(path, "is missing: write default: allow, default: deny or default: undefined")
	} else if v.UnmarshalText([]byte(word)) != nil || !v.Expectable() {
		b.Wrong(path, "%q must be allow, deny or undefined", word)
	}
	return v
}

// verdictOf reads a line, which has exactly one verdict.
func (b *builder) verdictOf(doc lineDoc, path string) (flow.Verdict, string, bool) {
	var verdict flow.Verdict
	var text string
	count := 0
	for v, t := range map[flow.Verdict]string{flow.Allow: doc.Allow, flow.Deny: doc.Deny, flow.Undefined: doc.Undefined} {
		if t != "" {
			verdict, text = v, t
			count++
		}
	}
	if count != 1 {
		b.Wrong(path, "must be one of allow, deny and undefined, followed by a flow line in quotes")
	}
	return verdict, text, count == 1
}

// endpointsExist reports whether the topology has what a line names.
func (b *builder) endpointsExist(p pattern, path string) bool {
	before := len(b.Problems)
	for _, e := range []endpoints{p.source, p.destination} {
		b.endpointExists(e, path)
		if len(b.Problems) > before {
			return false
		}
	}
	return true
}

func (b *builder) endpointExists(e endpoints, path string) {
	t := b.s.Topology
	switch e.kind {
	case flow.KindPod:
		b.podsExist(e, path)
	case flow.KindExternal:
		if n := max(1, flow.Endpoint{Name: e.name}.Number()); n > t.External.Hosts {
			b.Wrong(path, "external host %d is not in the topology, which has %d: write external: {hosts: %d}", n, t.External.Hosts, n)
		}
	case flow.KindNode:
		if !t.Nodes.Probed {
			b.Wrong(path, "nodes take part only where the topology says nodes: {}")
		} else if n := (flow.Endpoint{Name: e.name}).Number(); n > t.NodeCount() {
			b.Wrong(path, "no pod of the topology is placed on node %d", n)
		}
	case flow.KindDNS:
		if !t.DNS {
			b.Wrong(path, "the DNS service takes part only where the topology says dns: true")
		}
	case flow.KindUnknown:
	}
}

func (b *builder) podsExist(e endpoints, path string) {
	switch {
	case e.namespace != "" && e.name != "":
		b.podExists(flow.Pod(e.namespace, e.name), path)
	case e.namespace != "":
		b.namespaceExists(e.namespace, path)
	case e.name != "":
		named := func(p Pod) bool { return p.Name == e.name }
		if !slices.ContainsFunc(b.s.Topology.Pods, named) {
			b.Wrong(path, "no pod of the topology is called %q", e.name)
		}
	}
}

// effects reports lines that name no flow and lines that later ones undo.
func (b *builder) effects(lines []Line, patterns []pattern, paths []string) {
	names, decides := make([]bool, len(lines)), make([]bool, len(lines))
	for _, f := range b.flows {
		decided := false
		for i := len(patterns) - 1; i >= 0; i-- {
			if (decided && names[i]) || !patterns[i].match(f) {
				continue
			}
			names[i] = true
			decides[i] = decides[i] || !decided
			decided = true
		}
	}
	for i, path := range paths {
		switch {
		case !names[i]:
			b.Wrong(path, "%q names no flow: %s", lines[i].Text, b.whyNone(patterns[i]))
		case !decides[i]:
			b.Wrong(path, "%q has no effect: %s", lines[i].Text, b.undoneBy(lines, patterns, i))
		}
	}
}

// whyNone says what a line that names no flow may have got wrong.
func (b *builder) whyNone(p pattern) string {
	if p.source == p.destination && p.source.name != "" {
		return "nothing is promised about the flows of an endpoint to itself"
	}
	anyPort := p
	anyPort.port, anyPort.protocol = 0, flow.ProtocolUnknown
	var serves []string
	for _, f := range b.flows {
		if port := (flow.Port{Number: f.Port, Protocol: f.Protocol}).String(); anyPort.match(f) && !slices.Contains(serves, port) {
			serves = append(serves, port)
		}
	}
	switch {
	case len(serves) > 0:
		return "the destination serves " + strings.Join(serves, ", ")
	case p.via != flow.ViaUnknown || p.family != flow.FamilyUnknown:
		return "the matrix has no such path between the two"
	default:
		return "the destination serves no port, or the matrix does not join the two"
	}
}

// undoneBy says which later lines name all flows of a line.
func (b *builder) undoneBy(lines []Line, patterns []pattern, i int) string {
	for j := i + 1; j < len(lines); j++ {
		if !slices.ContainsFunc(b.flows, func(f flow.Flow) bool { return patterns[i].match(f) && !patterns[j].match(f) }) {
			verb := "repeats"
			if lines[i].Verdict != lines[j].Verdict {
				verb = "contradicts"
			}
			return fmt.Sprintf("line %d %s it for every flow that it names, and later lines win", lines[j].Row, verb)
		}
	}
	return "later lines together name every flow that it names, and later lines win"
}
