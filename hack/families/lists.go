package main

import (
	"fmt"
	"strings"
)

// A list's lines are indented and no longer than columns.
const (
	indent  = "          "
	columns = 310
)

// list is a flow sequence over several lines.
func list(entries []string) string {
	lines := []string{indent}
	for i, e := range entries {
		if i < len(entries)-1 {
			e += ","
		}
		switch last := &lines[len(lines)-1]; {
		case *last == indent:
			*last += e
		case len(*last)+1+len(e) > columns:
			lines = append(lines, indent+e)
		default:
			*last += " " + e
		}
	}
	return "[\n" + strings.Join(lines, "\n") + "]"
}

func longLists() []file {
	return []file{
		everyPort("every-one-of-25-ports", 25, true), everyPort("every-one-of-100-ports", 100, true), everyPort("every-one-of-1000-ports", 1000, false),
		everyBlock(25), everyBlock(100), everyBlock(1000),
		everyExcept(100), everyPeer(100), everyValue(100), everyRule(70), everyPolicy(70),
	}
}

// everyPort is a rule with every second port of a range, each of which the server
// serves, and some of those between.
func everyPort(name string, count int, services bool) file {
	listed, between := portsFrom(20000, count)
	s := scene{
		topic: "lists", name: name,
		from:     "lists of 25, 100 and 1000 ports, each one probed",
		summary:  fmt.Sprintf("A rule with %d ports opens every one of them, and none between, in either direction.", count),
		features: []string{"egress", "ingress", "pod-selector"}, refs: []string{refPorts, "https://github.com/cilium/cilium/pull/1406"},
		topology: portTopology(append(listed, between...), services),
	}
	var lines, entries []string
	for _, p := range between {
		lines = append(lines, fmt.Sprintf("deny: \"* -> x/server:%d/TCP\"", p))
	}
	for _, p := range listed {
		entries = append(entries, fmt.Sprintf("{port: %d}", p))
	}
	ingress := fmt.Sprintf("[{from: [podSelector: {}], ports: &ports %s}]", list(entries))
	s.steps = append(s.steps,
		listStep("ingress", "Ingress", ingress, "{matchLabels: {app: server}}", expectation(lines)),
		listStep("egress", "Egress", "[{to: [podSelector: {matchLabels: {app: server}}], ports: *ports}]", "{matchLabels: {app: client}}", expectation(lines)))
	return s.file()
}

// portsFrom is so many ports from the first on, and some of those beside and between:
// those around the first, the middle and the last of them.
func portsFrom(first, count int) (listed, between []int) {
	for i := range count {
		listed = append(listed, first+2*i)
	}
	for _, i := range []int{0, 1, 2, count/2 - 1, count / 2, count - 1} {
		between = append(between, first+2*i+1)
	}
	return listed, append(between, first-1)
}

func portTopology(numbers []int, services bool) string {
	entries := make([]string, len(numbers))
	for i, p := range numbers {
		entries[i] = fmt.Sprintf("%d/TCP", p)
	}
	near := "\n      x/near:   {labels: {app: client}, node: 1}"
	direct := ""
	if !services { // a matrix of so many ports is large enough without
		near, direct = "", "\n    direct: true"
	}
	return fmt.Sprintf(`
    namespaces:
      x: {labels: {ns: x}}
    pods:
      x/server:
        labels: {app: server}
        node: 1
        ports: %s%s
      x/far:    {labels: {app: client}, node: 2}%s`, list(entries), near, direct)
}

// listStep applies the policy "long" to some pods of namespace x.
func listStep(name, kind, rules, selector, expected string) string {
	return fmt.Sprintf(`  - name: %s
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: long, namespace: x}
      spec:
        podSelector: %s
        policyTypes: [%s]
        %s: %s
%s`, name, selector, kind, strings.ToLower(kind), rules, expected)
}

// Whether a block is held against the address that a Service puts in the place of a
// pod's, no specification says.
const (
	toServices   = `undefined: "x/* -> */* over ipv4 via clusterIP"`
	fromServices = `undefined: "*/* -> x/* over ipv4 via clusterIP"`
)

// everyBlock is a rule with so many blocks, among which those of the hosts outside
// stand first and last, and then in the middle. Nobody has the other addresses.
func everyBlock(count int) file {
	s := scene{
		topic: "lists", name: fmt.Sprintf("any-of-%d-blocks", count),
		from:     "lists of 25, 100 and 1000 blocks, in which those that matter stand first, in the middle and last",
		summary:  fmt.Sprintf("A rule with %d blocks admits the hosts of the first, the middle and the last one, and nobody who is in none, in either direction.", count),
		features: []string{"egress", "external-host", "ingress", "ip-block"},
		refs:     []string{refBlocks, "https://github.com/aws/containers-roadmap/issues/2481"}, topology: " outside",
	}
	strangers := blocksOf(count - 1)
	ends := append(append([]string{hostBlock("external")}, strangers[:count-2]...), hostBlock("external.2"))
	middle := append(append(append([]string{}, strangers[:count/2]...), hostBlock("external.2")), strangers[count/2:]...)
	both := []string{`allow: "external/* -> x/* over ipv4"`}
	s.steps = []string{
		listStep("first and last", "Ingress", fmt.Sprintf("[{from: &ends %s}]", list(ends)), "{}", shutBut(`deny: "* -> x/*"`, both...)),
		listStep("in the middle", "Ingress", fmt.Sprintf("[{from: &middle %s}]", list(middle)), "{}",
			shutBut(`deny: "* -> x/*"`, `allow: "external/2 -> x/* over ipv4"`)),
		listStep("in the middle, as destinations", "Egress", "[{to: *middle}]", "{}", shutBut(`deny: "x/* -> *"`, toServices, `allow: "x/* -> external/2 over ipv4"`)),
		listStep("first and last, as destinations", "Egress", "[{to: *ends}]", "{}", shutBut(`deny: "x/* -> *"`, toServices, `allow: "x/* -> external/* over ipv4"`)),
	}
	return s.file()
}

func hostBlock(host string) string { return fmt.Sprintf(`{ipBlock: {cidr: "${%s.ip4}/32"}}`, host) }

// blocksOf are blocks of the network for benchmarks, no two of them adjacent.
func blocksOf(count int) []string {
	blocks := make([]string, count)
	for i := range blocks {
		blocks[i] = fmt.Sprintf("{ipBlock: {cidr: 198.18.%d.%d/32}}", i/128, 2*(i%128))
	}
	return blocks
}

func shutBut(shut string, open ...string) string {
	return expectation(append([]string{shut}, open...))
}

// everyExcept is a block with so many exceptions, of which the hosts outside are the
// first and the last, and then one of them in the middle.
func everyExcept(count int) file {
	s := scene{
		topic: "lists", name: fmt.Sprintf("each-of-%d-exceptions", count),
		from:     "a block with a hundred exceptions, in which those that matter stand first, in the middle and last",
		summary:  fmt.Sprintf("Each of %d exceptions of a block counts, the first, the middle and the last, in either direction.", count),
		features: []string{"egress", "except", "external-host", "ingress", "ip-block"}, refs: []string{refBlocks}, topology: " outside",
	}
	var strangers []string
	for i := range count - 1 {
		strangers = append(strangers, fmt.Sprintf("198.18.0.%d/32", 2*i))
	}
	pods, one, two := `"${cluster.podCIDR4}"`, `"${external.ip4}/32"`, `"${external.2.ip4}/32"`
	middle := append(append([]string{}, strangers[:count/2]...), append([]string{two}, strangers[count/2:]...)...)
	ends := append(append([]string{one, pods}, strangers...), two)
	middle = append(middle, pods)
	rule := "[{%s: [{ipBlock: {cidr: 0.0.0.0/0, except: %s}}]}]"
	s.steps = []string{
		listStep("one in the middle", "Ingress", fmt.Sprintf(rule, "from", "&middle "+list(middle)), "{}",
			shutBut(`deny: "* -> x/*"`, `allow: "external -> x/* over ipv4"`, fromServices)),
		listStep("first and last", "Ingress", fmt.Sprintf(rule, "from", "&ends "+list(ends)), "{}", shutBut(`deny: "* -> x/*"`, fromServices)),
		listStep("first and last, of destinations", "Egress", fmt.Sprintf(rule, "to", "*ends"), "{}", shutBut(`deny: "x/* -> *"`, toServices)),
		listStep("one in the middle, of destinations", "Egress", fmt.Sprintf(rule, "to", "*middle"), "{}",
			shutBut(`deny: "x/* -> *"`, `allow: "x/* -> external over ipv4"`, toServices)),
	}
	return s.file()
}

// everyPeer is a rule with so many selectors, of which three match somebody: the
// first, the middle and the last.
func everyPeer(count int) file {
	s := scene{
		topic: "lists", name: fmt.Sprintf("any-of-%d-peers", count),
		from:     "a rule with a hundred selectors, of which the first, the middle and the last match somebody",
		summary:  fmt.Sprintf("A rule with %d peers admits whom the first, the middle and the last of them select, in either direction.", count),
		features: []string{"egress", "ingress", "namespace-selector", "pod-selector"}, refs: []string{refRules}, topology: " trio",
	}
	entries := make([]string, count)
	for i := range entries {
		entries[i] = fmt.Sprintf("podSelector: {matchLabels: {pod: nobody-%d}}", i)
	}
	entries[0] = "podSelector: {matchLabels: {pod: b}}"
	entries[count/2] = "{namespaceSelector: {matchLabels: {ns: y}}, podSelector: {matchLabels: {pod: a}}}"
	entries[count-1] = "namespaceSelector: {matchLabels: {ns: z}}"
	open := func(format string) []string {
		var lines []string
		for _, side := range []string{"x/b", "y/a", "z/*"} {
			lines = append(lines, fmt.Sprintf("allow: %q", fmt.Sprintf(format, side)))
		}
		return lines
	}
	s.steps = []string{
		listStep("ingress", "Ingress", fmt.Sprintf("[{from: &peers %s}]", list(entries)), "{}", shutBut(`deny: "* -> x/*"`, open("%s -> x/*")...)),
		listStep("egress", "Egress", "[{to: *peers}]", "{}", shutBut(`deny: "x/* -> *"`, open("x/* -> %s")...)),
	}
	return s.file()
}

// everyValue is a selector with so many values, of which the first, the middle and the
// last are somebody's.
func everyValue(count int) file {
	s := scene{
		topic: "lists", name: fmt.Sprintf("any-of-%d-values", count),
		from:     "In and NotIn with a hundred values, of which the first, the middle and the last are somebody's",
		summary:  fmt.Sprintf("Each of %d values of In and of NotIn counts, the first, the middle and the last.", count),
		features: []string{"ingress", "match-expressions", "namespace-selector"}, refs: []string{"https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#set-based-requirement"},
		topology: " trio",
	}
	values := make([]string, count)
	for i := range values {
		values[i] = fmt.Sprintf("nobody-%d", i)
	}
	values[0], values[count/2] = "x", "y"
	value := "[{from: [namespaceSelector: {matchExpressions: [{key: ns, operator: %s, values: %s}]}]}]"
	s.steps = []string{
		listStep("x is first and y in the middle", "Ingress", fmt.Sprintf(value, "In", "&values "+list(values)), "{}",
			shutBut(`deny: "* -> x/*"`, `allow: "x/* -> x/*"`, `allow: "y/* -> x/*"`)),
		listStep("none of them", "Ingress", fmt.Sprintf(value, "NotIn", "*values"), "{}", shutBut(`deny: "* -> x/*"`, `allow: "z/* -> x/*"`)),
	}
	last := append(append([]string{}, values[1:count/2]...), append(values[count/2+1:], "z")...)
	s.steps = append(s.steps,
		listStep("z is last", "Ingress", fmt.Sprintf(value, "In", "&last "+list(last)), "{}", shutBut(`deny: "* -> x/*"`, `allow: "z/* -> x/*"`)),
		listStep("none but z", "Ingress", fmt.Sprintf(value, "NotIn", "*last"), "{}", shutBut(`deny: "* -> x/*"`, `allow: "x/* -> x/*"`, `allow: "y/* -> x/*"`)))
	return s.file()
}
