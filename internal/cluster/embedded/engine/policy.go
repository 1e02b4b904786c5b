package engine

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
)

// direction is seen from the pod that a policy selects.
type direction uint8

const (
	ingress direction = iota
	egress
)

//nolint:gochecknoglobals // constant table
var directions = [...]direction{ingress, egress}

func (d direction) String() string {
	if d == ingress {
		return "ingress"
	}
	return "egress"
}

// allow is one thing that isolated pods may do: their peers are reached, or
// admitted, on the ports.
type allow struct {
	peers addrSet
	ports portSet
	// named are further ports of each selected pod itself; only in ingress.
	named []portName
	// blocks is true where the peers hold an ipBlock.
	blocks bool
}

// compiled is what a policy says, with its selectors resolved.
type compiled struct {
	key     key
	created uint64
	pods    []int // the numbers in the world of those that are selected
	// says is nil for a direction that the policy does not isolate.
	says [len(directions)]*said
}

// said is what a policy says of one direction.
type said struct {
	allows  []allow
	excepts addrSet
}

// compiler resolves policies against a world.
type compiler struct {
	faults Faults
	world  *world
}

func (c *compiler) compile(p *policy) *compiled {
	out := &compiled{key: p.key, created: p.created}
	selected := c.selected(p)
	for _, pod := range selected {
		out.pods = append(out.pods, c.world.index[pod.key])
	}
	for _, d := range directions {
		if len(selected) > 0 && isolates(p.spec, d) {
			out.says[d] = c.direction(p, d, selected)
		}
	}
	return out
}

// selected is the pods that the policy applies to.
func (c *compiler) selected(p *policy) []*pod {
	s := newSelector(c.readBefore(&p.spec.PodSelector), c.faults)
	pods := c.world.where(
		func(n *namespace) bool { return n.name == p.key.namespace || c.faults.Has(PolicyOfOtherNamespace) },
		func(p *pod) bool { return s.matches(p.labels) && !c.ignores(p) },
	)
	pods = ready(grown(pods, c.faults, NewPodOpen), c.faults, UnreadyPodsOpen)
	pods = c.fewOfEach(c.remembered(p, pods))
	if c.faults.Has(OnePodPerNode) {
		return firstOfEachNode(pods)
	}
	return pods
}

func firstOfEachNode(pods []*pod) []*pod {
	seen := map[string]bool{}
	return slices.DeleteFunc(pods, func(p *pod) bool {
		again := seen[p.node]
		seen[p.node] = true
		return again
	})
}

// isolates trusts policyTypes, which the API always fills in.
func isolates(spec *networkingv1.NetworkPolicySpec, d direction) bool {
	word := networkingv1.PolicyTypeIngress
	if d == egress {
		word = networkingv1.PolicyTypeEgress
	}
	return slices.Contains(spec.PolicyTypes, word)
}

// rule is an ingress or an egress rule.
type rule struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

func rulesOf(spec *networkingv1.NetworkPolicySpec, d direction) []rule {
	var out []rule
	if d == ingress {
		for _, r := range spec.Ingress {
			out = append(out, rule{r.From, r.Ports})
		}
		return out
	}
	for _, r := range spec.Egress {
		out = append(out, rule{r.To, r.Ports})
	}
	return out
}

// direction compiles the rules of one direction.
func (c *compiler) direction(p *policy, d direction, selected []*pod) *said {
	out := &said{}
	for _, r := range c.counting(rulesOf(p.spec, d)) {
		r.peers = c.fewPairs(r)
		peers := c.peers(p, r.peers)
		out.excepts = union(out.excepts, peers.excepts)
		out.allows = append(out.allows, c.rule(d, peers, c.ports(r.ports).frozen(p), selected)...)
	}
	if c.faults.Has(PortsPeersCrossed) && len(out.allows) > 1 {
		out.allows = []allow{crossed(out.allows)}
	}
	return out
}

// counting is the rules that count.
func (c *compiler) counting(rules []rule) []rule {
	switch {
	case len(rules) > 1 && c.faults.Has(FirstRuleOnly):
		return rules[:1]
	case len(rules) > 1 && c.faults.Has(LastRuleOnly):
		return rules[len(rules)-1:]
	}
	return atMost(short, atMost(few, rules, c.faults, ManyRulesCut), c.faults, LongRuleListsCut)
}

// rule compiles a rule. The named ports of an ingress rule are those of the
// selected pods and stay open until each pod is looked at; those of an egress rule
// are those of the peers and are resolved here.
func (c *compiler) rule(d direction, peers peerSet, want wanted, selected []*pod) []allow {
	if c.faults.Has(NamedPortOfFirstPod) {
		want = want.resolvedBy(selected, peers.pods, d)
	}
	if d == ingress {
		return []allow{{peers.addrs, want.numbers, want.names, peers.blocks}}
	}
	out := []allow{{peers: peers.addrs, ports: want.numbers, blocks: peers.blocks}}
	if c.faults.Has(EgressNamedPortIgnored) {
		return out
	}
	for _, p := range peers.pods {
		if numbers := numbersOf(p, want.names); len(numbers) > 0 {
			out = append(out, allow{peers: addrsOf([]*pod{p}), ports: numbers})
		}
	}
	return out
}

// crossed is one allow with the peers and the ports of all.
func crossed(allows []allow) allow {
	var out allow
	for _, a := range allows {
		out.peers = union(out.peers, a.peers)
		out.ports = union(out.ports, a.ports)
		out.named = append(out.named, a.named...)
	}
	return out
}
