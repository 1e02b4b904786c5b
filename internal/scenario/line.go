package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
)

// Verdict is what the scenario's author expects of a flow: that of the last line
// which names it, else the default. A pod's flows to itself, those of ICMP, those over a
// node's port, and those of a pod that has completed or is on its node's network are always
// undefined, and so is what a pod that terminates is allowed. One over a connection that was
// open before is undefined unless a line says `via established`, after a step that opened it.
func (e Expectation) Verdict(f flow.Flow) flow.Verdict {
	if f.Unsettled() && !(e.opened && f.Via == flow.Established) || e.gone[f.Source] || e.gone[f.Destination] || e.onHost[f.Source] || e.onHost[f.Destination] {
		return flow.Undefined
	}
	v := e.written(f)
	if v == flow.Allow && (e.terminating[f.Source] || e.terminating[f.Destination]) {
		return flow.Undefined
	}
	return v
}

func (e Expectation) written(f flow.Flow) flow.Verdict {
	for i := len(e.Lines) - 1; i >= 0; i-- {
		if e.Lines[i].Matches(f) && (f.Via != flow.Established || e.Lines[i].via == f.Via) {
			return e.Lines[i].Verdict
		}
	}
	if f.Via == flow.Established {
		return flow.Undefined
	}
	return e.Default
}

// Matches reports whether the line names the flow.
func (l Line) Matches(f flow.Flow) bool { return l.match != nil && l.match(f) }

// ParseFlowLine reads "SOURCE -> DESTINATION[:PORT/PROTOCOL]", which may be followed
// by "over FAMILY" and "via PATH", into a test for the flows that it names.
func ParseFlowLine(text string) (func(flow.Flow) bool, error) {
	p, err := parseLine(text)
	if err != nil {
		return nil, err
	}
	return p.match, nil
}

// pattern is a parsed flow line. A zero field matches every value.
type pattern struct {
	source, destination endpoints
	port                uint16
	protocol            flow.Protocol
	family              flow.Family
	via                 flow.Via
}

// endpoints is one side of a pattern: with kind unknown it is "*", which is every
// endpoint but the nodes.
type endpoints struct {
	kind            flow.Kind
	namespace, name string
}

func (p pattern) match(f flow.Flow) bool {
	return (p.port == 0 || p.port == f.Port) &&
		(p.protocol == flow.ProtocolUnknown || p.protocol == f.Protocol) &&
		(p.family == flow.FamilyUnknown || p.family == f.Family) &&
		(p.via == flow.ViaUnknown || p.via == f.Via || p.via == flow.ClusterIP && f.Via.Service()) &&
		p.source.match(f.Source) && p.destination.match(f.Destination)
}

func (e endpoints) match(f flow.Endpoint) bool {
	if e.kind == flow.KindUnknown {
		return f.Kind != flow.KindNode
	}
	return e.kind == f.Kind &&
		(e.name == "" || e.name == f.Name) &&
		(e.namespace == "" || e.namespace == f.Namespace)
}

func parseLine(text string) (pattern, error) {
	source, rest, found := strings.Cut(text, "->")
	words := strings.Fields(rest)
	if !found || len(words) == 0 || len(strings.Fields(source)) != 1 {
		return pattern{}, fmt.Errorf("flow line %q must be SOURCE -> DESTINATION[:PORT/PROTOCOL]", text)
	}
	var p pattern
	var err error
	if p.source, err = parseEndpoints(strings.TrimSpace(source)); err != nil {
		return pattern{}, err
	}
	if p.source.kind == flow.KindDNS {
		return pattern{}, fmt.Errorf("flow line %q: dns is a destination only", text)
	}
	destination, port, found := strings.Cut(words[0], ":")
	if p.destination, err = parseEndpoints(destination); err != nil {
		return pattern{}, err
	}
	if found {
		if p.port, p.protocol, err = parseLinePort(port); err != nil {
			return pattern{}, err
		}
	}
	err = p.parseTail(words[1:])
	return p, err
}

// parseTail reads "over FAMILY" and "via PATH", each at most once.
func (p *pattern) parseTail(words []string) error {
	for len(words) > 0 {
		var err error
		switch {
		case len(words) > 1 && words[1] == "unknown": // a word on the wire only
			err = fmt.Errorf("%q names nothing", words[1])
		case len(words) > 1 && words[0] == "over" && p.family == flow.FamilyUnknown:
			err = p.family.UnmarshalText([]byte(words[1]))
		case len(words) > 1 && words[0] == "via" && p.via == flow.ViaUnknown:
			err = p.via.UnmarshalText([]byte(words[1]))
		default:
			return fmt.Errorf("%q cannot stand here: a flow line may end in `over ipv4` or `over ipv6` and in `via podIP` or `via clusterIP`", words[0])
		}
		if err != nil {
			return fmt.Errorf("reading %q of a flow line: %w", words[0]+" "+words[1], err)
		}
		words = words[2:]
	}
	return nil
}

// parseEndpoints reads one side of a flow line.
func parseEndpoints(word string) (endpoints, error) {
	switch word {
	case "*":
		return endpoints{}, nil
	case "dns":
		return endpoints{kind: flow.KindDNS}, nil
	case "external":
		return endpoints{kind: flow.KindExternal, name: "1"}, nil
	}
	first, second, found := strings.Cut(word, "/")
	if !found || first == "" || second == "" || strings.Contains(second, "/") {
		return endpoints{}, fmt.Errorf("endpoint %q must be ns/pod, ns/*, */pod, */*, *, external, external/N, external/*, node/N, node/* or dns", word)
	}
	switch first {
	case "external":
		return parseNumbered(word, flow.KindExternal, second)
	case "node":
		return parseNumbered(word, flow.KindNode, second)
	}
	return endpoints{flow.KindPod, starIsAny(first), starIsAny(second)}, nil
}

func starIsAny(word string) string {
	if word == "*" {
		return ""
	}
	return word
}

func parseNumbered(word string, kind flow.Kind, number string) (endpoints, error) {
	if number == "*" {
		return endpoints{kind: kind}, nil
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || strconv.Itoa(n) != number {
		return endpoints{}, fmt.Errorf("endpoint %q must end in a number, counted from 1, or in *", word)
	}
	return endpoints{kind: kind, name: number}, nil
}

// parseLinePort reads PORT, PORT/PROTOCOL or */PROTOCOL.
func parseLinePort(text string) (uint16, flow.Protocol, error) {
	number, word, found := strings.Cut(text, "/")
	var protocol flow.Protocol
	if found {
		if err := protocol.UnmarshalText([]byte(word)); err != nil || protocol == flow.ProtocolUnknown || protocol == flow.ICMP {
			return 0, 0, fmt.Errorf("protocol %q of port %q must be TCP, UDP or SCTP", word, text)
		}
	}
	if number == "*" && found {
		return 0, protocol, nil
	}
	port, err := parsePortNumber(number)
	return port, protocol, err
}

func parsePortNumber(text string) (uint16, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("port %q must be a number from 1 to 65535", text)
	}
	return uint16(port), nil
}
