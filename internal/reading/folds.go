package reading

import (
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
)

// folded is a reading that puts together otherwise what the oracle finds of each
// policy, rule, peer and port. direction gets one that isolates its subject.
func folded(direction func(flow.Flow, oracle.Direction) flow.Verdict) func(*evidence, int) []prediction {
	return func(e *evidence, moment int) []prediction {
		return []prediction{func(i int) flow.Verdict {
			x := e.explain(moment, i)
			if x.Reason != "" {
				return x.Verdict
			}
			v := flow.Allow
			for _, d := range []oracle.Direction{x.Egress, x.Ingress} {
				said := d.Verdict
				if d.Isolated && d.Reason == "" {
					said = direction(e.flows[i], d)
				}
				v = both(v, said)
			}
			return v
		}}
	}
}

// either is what of two verdicts is enough, both what of two is needed.
func either(a, b flow.Verdict) flow.Verdict { return pick(a, b, flow.Allow, flow.Deny) }

func both(a, b flow.Verdict) flow.Verdict { return pick(a, b, flow.Deny, flow.Allow) }

// pick is strong where one of them is, else Undefined where one is, else weak.
func pick(a, b, strong, weak flow.Verdict) flow.Verdict {
	switch {
	case a == strong || b == strong:
		return strong
	case a == flow.Undefined || b == flow.Undefined:
		return flow.Undefined
	}
	return weak
}

// eachPolicy folds the policies as they should be, their verdicts by another rule.
func eachPolicy(d oracle.Direction, verdict func(oracle.PolicyFinding) flow.Verdict) flow.Verdict {
	v := flow.Deny
	for _, p := range d.Policies {
		v = either(v, verdict(p))
	}
	return v
}

// eachRuleOf folds policies and rules as they should be.
func eachRuleOf(d oracle.Direction, verdict func(oracle.RuleFinding) flow.Verdict) flow.Verdict {
	return eachPolicy(d, func(p oracle.PolicyFinding) flow.Verdict {
		v := flow.Deny
		for _, r := range p.Rules {
			v = either(v, verdict(r))
		}
		return v
	})
}

// anyOf is one of the matches; none at all admit everything.
func anyOf(matches []oracle.Match) flow.Verdict {
	if len(matches) == 0 {
		return flow.Allow
	}
	v := flow.Deny
	for _, m := range matches {
		v = either(v, m.Verdict)
	}
	return v
}

func peersIntersect(_ flow.Flow, d oracle.Direction) flow.Verdict {
	return eachRuleOf(d, func(r oracle.RuleFinding) flow.Verdict {
		v := anyOf(r.Ports)
		for _, m := range r.Peers {
			v = both(v, m.Verdict)
		}
		return v
	})
}

func firstPeer(_ flow.Flow, d oracle.Direction) flow.Verdict {
	return eachRuleOf(d, func(r oracle.RuleFinding) flow.Verdict {
		return both(anyOf(r.Ports), anyOf(r.Peers[:min(1, len(r.Peers))]))
	})
}

func crossed(_ flow.Flow, d oracle.Direction) flow.Verdict {
	return eachPolicy(d, func(p oracle.PolicyFinding) flow.Verdict {
		peers, ports := flow.Deny, flow.Deny
		for _, r := range p.Rules {
			peers, ports = either(peers, anyOf(r.Peers)), either(ports, anyOf(r.Ports))
		}
		return both(peers, ports)
	})
}

func firstRule(_ flow.Flow, d oracle.Direction) flow.Verdict {
	return eachPolicy(d, func(p oracle.PolicyFinding) flow.Verdict { return nthRule(p, 0) })
}

func lastRule(_ flow.Flow, d oracle.Direction) flow.Verdict {
	return eachPolicy(d, func(p oracle.PolicyFinding) flow.Verdict { return nthRule(p, len(p.Rules)-1) })
}

func nthRule(p oracle.PolicyFinding, n int) flow.Verdict {
	if len(p.Rules) == 0 {
		return flow.Deny
	}
	return p.Rules[n].Verdict
}

func firstPolicy(_ flow.Flow, d oracle.Direction) flow.Verdict { return d.Policies[0].Verdict }

func lastPolicy(_ flow.Flow, d oracle.Direction) flow.Verdict {
	return d.Policies[len(d.Policies)-1].Verdict
}

func policiesIntersect(_ flow.Flow, d oracle.Direction) flow.Verdict {
	v := flow.Allow
	for _, p := range d.Policies {
		v = both(v, p.Verdict)
	}
	return v
}

func noRule(flow.Flow, oracle.Direction) flow.Verdict { return flow.Deny }

func noSCTP(f flow.Flow, d oracle.Direction) flow.Verdict {
	if f.Protocol == flow.SCTP {
		return flow.Deny
	}
	return d.Verdict
}

// ipv4PeersOnly leaves of the peers over IPv6 only those that are blocks.
func ipv4PeersOnly(f flow.Flow, d oracle.Direction) flow.Verdict {
	if f.Family != flow.IPv6 {
		return d.Verdict
	}
	return blocksOnly(d)
}

// blocksOnly leaves of the peers only those that are blocks.
func blocksOnly(d oracle.Direction) flow.Verdict {
	return eachRuleOf(d, func(r oracle.RuleFinding) flow.Verdict {
		peers := flow.Deny
		for _, m := range r.Peers {
			if strings.HasPrefix(m.What, "addresses in ") {
				peers = either(peers, m.Verdict)
			}
		}
		if len(r.Peers) == 0 {
			peers = flow.Allow
		}
		return both(peers, anyOf(r.Ports))
	})
}
