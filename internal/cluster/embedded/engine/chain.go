package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// chain is the rules that judge the connections of pods that may do the same, in
// one direction: a packet that no rule accepts is dropped. Many rules are divided
// into parts, which are chains that only accept.
//
// Chains never change. The name is made of the content: a pod that may do something
// else is sent to another chain, and parts that are alike are the same chain.
type chain struct {
	name  string
	parts []*chain
	rules []chainRule // sorted by their text
	drop  bool        // at the end
	late  bool        // and not the question, but its answer
	short bool        // what is long, over TCP, is dropped before all else
}

// rulesPerPart is about how many rules a part has, and fullTable how many a faulty engine
// has room for.
const (
	rulesPerPart = 32
	fullTable    = 64
)

// newChain makes the chain of an isolation.
func newChain(d direction, i *isolation, faults Faults) *chain {
	c := &chain{rules: chainRules(d, i, faults), drop: true, late: faults.Has(AnswersDenied), short: faults.Has(LargeSegmentsDropped)}
	if len(c.rules) > 2*rulesPerPart {
		c.parts, c.rules = divided(c.rules), nil
	}
	return named(c)
}

func chainRules(d direction, i *isolation, faults Faults) []chainRule {
	var rules []chainRule
	for _, f := range families {
		for _, a := range i.allows {
			if peers := f.of(a.peers); len(peers) > 0 {
				r := chainRule{direction: d, family: f, peers: peers, serviceSide: faults.Has(ServicePortJudged), small: faults.Has(LargeDatagramsDropped)}
				for _, each := range r.forPorts(a.ports) {
					rules = append(rules, each.withoutSets()...)
				}
			}
		}
	}
	if faults.Has(LargeDatagramsOpen) {
		for _, f := range families {
			rules = append(rules, chainRule{direction: d, family: f, peers: f.every(), protocol: protocolUDP, ports: portsOf(protocolUDP), large: true})
		}
	}
	for i := range rules {
		rules[i].text = rules[i].words()
	}
	slices.SortFunc(rules, func(a, b chainRule) int { return cmp.Compare(a.text, b.text) })
	if faults.Has(RulesOverflow) {
		return rules[:min(len(rules), fullTable)]
	}
	return rules
}

// divided puts each rule into a part that its own text alone decides: the change of a
// rule changes its part, not the others.
func divided(rules []chainRule) []*chain {
	count := 1
	for count*rulesPerPart < len(rules) {
		count *= 2
	}
	parts := make([]*chain, count)
	for i := range rules {
		sum := sha256.Sum256([]byte(rules[i].text))
		number := (int(sum[0])<<16 | int(sum[1])<<8 | int(sum[2])) % count
		if parts[number] == nil {
			parts[number] = &chain{}
		}
		parts[number].rules = append(parts[number].rules, rules[i])
	}
	parts = slices.DeleteFunc(parts, func(c *chain) bool { return c == nil })
	for _, part := range parts {
		named(part)
	}
	return parts
}

// named gives the chain its name.
func named(c *chain) *chain {
	sum := sha256.Sum256([]byte(c.text()))
	c.name = "rules-" + hex.EncodeToString(sum[:8])
	return c
}

// text is the chain's content in the words of nft.
func (c *chain) text() string {
	var b []byte
	if c.short {
		b = fmt.Appendf(b, "\t\tl4proto tcp meta length > %d drop\n", narrowest)
	}
	for _, part := range c.parts {
		b = append(b, "\t\tjump "+part.name+"\n"...)
	}
	for i := range c.rules {
		b = append(b, "\t\t"+c.rules[i].text+"\n"...)
	}
	if c.drop {
		b = append(b, "\t\tdrop\n"...)
	}
	return string(b)
}
