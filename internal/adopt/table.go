package adopt

import (
	"fmt"
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// line is a flow line of the expectation, with the flows that it decides.
type line struct {
	verdict flow.Verdict
	text    string
	decides []flow.Flow
}

// table writes verdicts as few lines: for every destination what holds for most, then
// what differs. Later lines win.
type table struct {
	verdicts map[flow.Flow]flow.Verdict
	flows    []flow.Flow
	lines    []line
}

// lines are a default and lines that say the verdict of every flow.
func linesOf(flows []flow.Flow, expect func(flow.Flow) flow.Verdict) (otherwise line, lines []line, err error) {
	t := &table{verdicts: map[flow.Flow]flow.Verdict{}, flows: flows}
	for _, f := range flows {
		t.verdicts[f] = expect(f)
	}
	otherwise = line{verdict: flow.Allow}
	if t.most(flows) == flow.Deny {
		otherwise.verdict = flow.Deny
	}
	for _, to := range group(flows, func(f flow.Flow) flow.Endpoint { return f.Destination }) {
		t.destination(to, otherwise.verdict)
	}
	err = t.settle(&otherwise)
	return otherwise, t.lines, err
}

// most is the verdict of most of the flows; of two as frequent, the stricter one.
func (t *table) most(flows []flow.Flow) flow.Verdict {
	counts := map[flow.Verdict]int{}
	for _, f := range flows {
		counts[t.verdicts[f]]++
	}
	best := flow.Deny
	for _, v := range []flow.Verdict{flow.Allow, flow.Undefined} {
		if counts[v] > counts[best] {
			best = v
		}
	}
	return best
}

// uniform is the one verdict of all of the flows, or Unknown.
func (t *table) uniform(flows []flow.Flow) flow.Verdict {
	first := t.verdicts[flows[0]]
	if slices.ContainsFunc(flows, func(f flow.Flow) bool { return t.verdicts[f] != first }) {
		return flow.Unknown
	}
	return first
}

// group splits a list by a key, in the order of first appearance.
func group[K comparable](flows []flow.Flow, key func(flow.Flow) K) [][]flow.Flow {
	at := map[K]int{}
	var list [][]flow.Flow
	for _, f := range flows {
		k := key(f)
		n, ok := at[k]
		if !ok {
			n = len(list)
			at[k] = n
			list = append(list, nil)
		}
		list[n] = append(list[n], f)
	}
	return list
}

func (t *table) say(v flow.Verdict, format string, args ...any) {
	t.lines = append(t.lines, line{verdict: v, text: fmt.Sprintf(format, args...)})
}

func portOf(f flow.Flow) flow.Port { return flow.Port{Number: f.Port, Protocol: f.Protocol} }

// destination says what holds for most flows to it, for most on each of its ports,
// for namespaces, and for single sources.
func (t *table) destination(flows []flow.Flow, otherwise flow.Verdict) {
	to := flows[0].Destination
	now := t.most(flows)
	if now != otherwise {
		t.say(now, "* -> %s", to)
	}
	said := map[flow.Port]flow.Verdict{}
	for _, list := range group(flows, portOf) {
		port := portOf(list[0])
		if said[port] = t.most(list); said[port] != now {
			t.say(said[port], "* -> %s:%s", to, port)
		}
	}
	for _, list := range group(flows, func(f flow.Flow) string { return f.Source.Namespace }) {
		sources := group(list, func(f flow.Flow) flow.Endpoint { return f.Source })
		if len(sources) > 1 && t.uniform(list) != flow.Unknown {
			t.side(list, everyone(list[0].Source), said)
			continue
		}
		for _, own := range sources {
			t.side(own, own[0].Source.String(), said)
		}
	}
}

// everyone is the word for all sources beside this one: those of its namespace, or
// the hosts outside.
func everyone(e flow.Endpoint) string {
	if e.Kind == flow.KindPod {
		return e.Namespace + "/*"
	}
	return "external/*"
}

// side says what differs for the flows of some sources from what was said of their ports.
func (t *table) side(flows []flow.Flow, from string, said map[flow.Port]flow.Verdict) {
	to := flows[0].Destination
	ports := group(flows, portOf)
	if v := t.uniform(flows); v != flow.Unknown && !slices.ContainsFunc(ports, func(list []flow.Flow) bool { return said[portOf(list[0])] == v }) {
		t.say(v, "%s -> %s", from, to)
		return
	}
	for _, list := range ports {
		port := portOf(list[0])
		t.paths(list, fmt.Sprintf("%s -> %s:%s", from, to, port), said[port])
	}
}

// paths says what differs on one port, by family and path where these differ.
func (t *table) paths(flows []flow.Flow, text string, said flow.Verdict) {
	if v := t.uniform(flows); v != flow.Unknown {
		if v != said {
			t.say(v, "%s", text)
		}
		return
	}
	for _, family := range group(flows, func(f flow.Flow) flow.Family { return f.Family }) {
		if v := t.uniform(family); v != flow.Unknown {
			if v != said {
				t.say(v, "%s over %s", text, family[0].Family)
			}
			continue
		}
		for _, f := range family {
			if v := t.verdicts[f]; v != said {
				t.say(v, "%s over %s via %s", text, f.Family, f.Via)
			}
		}
	}
}

// settle finds out which line decides which flows, drops those that decide none, and
// makes sure that the lines say what they should.
func (t *table) settle(otherwise *line) error {
	matchers := make([]func(flow.Flow) bool, len(t.lines))
	for n, l := range t.lines {
		var err error
		if matchers[n], err = scenario.ParseFlowLine(l.text); err != nil {
			return err
		}
	}
	for _, f := range t.flows {
		decider := otherwise
		for n := len(t.lines) - 1; n >= 0; n-- {
			if matchers[n](f) {
				decider = &t.lines[n]
				break
			}
		}
		decider.decides = append(decider.decides, f)
		if decider.verdict != t.verdicts[f] {
			return fmt.Errorf("writing the table: %s came out as %s, not %s", f, decider.verdict, t.verdicts[f])
		}
	}
	t.lines = slices.DeleteFunc(t.lines, func(l line) bool { return len(l.decides) == 0 })
	return nil
}
