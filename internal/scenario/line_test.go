package scenario

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
)

func TestParseFlowLine(t *testing.T) {
	pod := func(from, to flow.Endpoint) flow.Flow {
		return flow.Flow{Source: from, Destination: to, Protocol: flow.TCP, Port: 80, Via: flow.PodIP, Family: flow.IPv4}
	}
	a, b, other := flow.Pod("x", "a"), flow.Pod("x", "b"), flow.Pod("y", "a")
	udp, six, service := pod(a, b), pod(a, b), pod(a, b)
	udp.Protocol, six.Family, service.Via = flow.UDP, flow.IPv6, flow.ClusterIP
	all := map[string]flow.Flow{
		"a-b": pod(a, b), "b-a": pod(b, a), "other-b": pod(other, b), "a-other": pod(a, other),
		"a-ext": pod(a, flow.External(1)), "a-ext2": pod(a, flow.External(2)), "ext-a": pod(flow.External(1), a), "ext2-a": pod(flow.External(2), a),
		"node-a": pod(flow.Node(1), a), "a-node2": pod(a, flow.Node(2)), "a-dns": pod(a, flow.DNS()),
		"udp": udp, "six": six, "service": service,
	}
	tests := []struct{ line, want string }{
		{"x/a -> x/b", "a-b service six udp"},
		{"  x/a->x/b  ", "a-b service six udp"},
		{"x/a -> x/b:80", "a-b service six udp"},
		{"x/a -> x/b:81", ""},
		{"x/a -> x/b:80/TCP", "a-b service six"},
		{"x/a -> x/b:80/SCTP", ""},
		{"x/a -> x/b:*/UDP", "udp"},
		{"x/a -> x/b over ipv6", "six"},
		{"x/a -> x/b via clusterIP", "service"},
		{"x/a -> x/b:80/TCP over ipv4 via podIP", "a-b"},
		{"x/a -> x/b:80/TCP via podIP over ipv4", "a-b"},
		{"x/* -> */a", "a-other b-a"},
		{"*/a -> x/*", "a-b other-b service six udp"},
		{"*/* -> */*", "a-b a-other b-a other-b service six udp"},
		{"* -> x/a", "b-a ext-a ext2-a"},
		{"x/a -> *", "a-b a-dns a-ext a-ext2 a-other service six udp"},
		{"* -> *", "a-b a-dns a-ext a-ext2 a-other b-a ext-a ext2-a other-b service six udp"},
		{"external -> *", "ext-a"},
		{"external/1 -> *", "ext-a"},
		{"external/2 -> *", "ext2-a"},
		{"external/* -> *", "ext-a ext2-a"},
		{"* -> external", "a-ext"},
		{"node/1 -> *", "node-a"},
		{"node/2 -> *", ""},
		{"node/* -> x/a", "node-a"},
		{"* -> node/*", "a-node2"},
		{"* -> dns", "a-dns"},
	}
	for _, test := range tests {
		match, err := ParseFlowLine(test.line)
		if err != nil {
			t.Errorf("%q: %v", test.line, err)
			continue
		}
		var got []string
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if match(all[name]) {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q names %q, want %q", test.line, got, test.want)
		}
	}
}

func TestParseFlowLineRefuses(t *testing.T) {
	lines := []string{
		"", "->", "x/a ->", "-> x/a", "x/a", "x/a -> ", "x/a x/b -> x/c", "x/a -> x/b -> x/c", "x/a => x/b",
		"x -> x/b", "x/ -> x/b", "/a -> x/b", "x/a/b -> x/b", "dns -> x/a", "dns/1 -> external/none",
		"external/0 -> x/a", "external/01 -> x/a", "external/-1 -> x/a", "node -> x/a", "node/x -> x/a",
		"x/a -> x/b:", "x/a -> x/b:0", "x/a -> x/b:65536/TCP", "x/a -> x/b:80/", "x/a -> x/b:80/tcp", "x/a -> x/b:80/unknown", "x/a -> x/b:*", "x/a -> x/b:http/TCP",
		"x/a -> x/b over", "x/a -> x/b over ipv5", "x/a -> x/b over unknown", "x/a -> x/b via", "x/a -> x/b via unknown", "x/a -> x/b over ipv4 over ipv4", "x/a -> x/b via podIP via podIP", "x/a -> x/b now or later",
	}
	for _, line := range lines {
		if _, err := ParseFlowLine(line); err == nil {
			t.Errorf("%q was taken", line)
		}
	}
}

// TestFlowsParse shows that the text of every flow is a line that names just it.
func TestFlowsParse(t *testing.T) {
	flows := small().Flows(AllAxes())
	for _, f := range flows {
		match, err := ParseFlowLine(f.String())
		if err != nil {
			t.Fatal(err)
		}
		named := slices.DeleteFunc(slices.Clone(flows), func(other flow.Flow) bool { return !match(other) })
		if len(named) != 1 || named[0] != f {
			t.Errorf("%q names %v", f, named)
		}
	}
}

func TestVerdict(t *testing.T) {
	s, problems := loadText(t, base)
	if problems != nil {
		t.Fatal(problems)
	}
	e := s.Steps[1].Expect
	api, db, web := flow.Pod("prod", "api"), flow.Pod("prod", "db"), flow.Pod("test", "web")
	tests := []struct {
		flow flow.Flow
		want flow.Verdict
	}{
		{flow.Flow{Source: api, Destination: db, Protocol: flow.TCP, Port: 3306}, flow.Allow},
		{flow.Flow{Source: api, Destination: db, Protocol: flow.UDP, Port: 53}, flow.Deny},
		{flow.Flow{Source: web, Destination: db, Protocol: flow.TCP, Port: 3306}, flow.Deny},
		{flow.Flow{Source: flow.External(1), Destination: db, Protocol: flow.TCP, Port: 3306}, flow.Deny},
		{flow.Flow{Source: db, Destination: web, Protocol: flow.TCP, Port: 80}, flow.Allow},
		{flow.Flow{Source: db, Destination: db, Protocol: flow.TCP, Port: 3306}, flow.Undefined},
	}
	for _, test := range tests {
		if got := e.Verdict(test.flow); got != test.want {
			t.Errorf("%s: %s, want %s", test.flow.Line(), got, test.want)
		}
	}
	if (Line{}).Matches(tests[0].flow) {
		t.Error("a line that was never parsed names a flow")
	}
}

func BenchmarkVerdict(b *testing.B) {
	var e Expectation
	for _, text := range []string{"* -> x/a", "y/* -> x/a:80/TCP", "z/b -> x/a:81/UDP over ipv4", "*/c -> */b via clusterIP", "external -> *", "x/a -> x/b"} {
		match, err := ParseFlowLine(text)
		if err != nil {
			b.Fatal(err)
		}
		e.Lines = append(e.Lines, Line{Verdict: flow.Deny, match: match})
	}
	top, _ := newLoader(nothing{}).shared("none.yaml", "standard")
	flows := (&Scenario{Topology: top}).Flows(AllAxes())
	for b.Loop() {
		for _, f := range flows {
			e.Verdict(f)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(flows)), "ns/flow")
}
