package mutation

import (
	"fmt"
	"slices"
	"strings"
)

// A cache keeps what it has read under a key, and what has the same key is taken for the
// same from then on: the first one counts. These keys leave something out.

// selectorCache keeps selectors, of pods and of namespaces apart.
func selectorCache(name, how string, key func(selector) string) Mutation {
	return Mutation{Name: "selectors-cached-" + name, Sentence: "Selectors are cached under keys " + how + ".", New: func() Reader {
		kept := map[string]selector{}
		return allPolicies(func(list []*policy) []*policy {
			eachSelector(list, func(kind string, s *selector) {
				k := kind + key(*s)
				if old, ok := kept[k]; ok {
					*s = old
				} else {
					kept[k] = *s
				}
			})
			return list
		})()
	}}
}

// eachSelector hands out the selectors of the policies in their order, with what they select.
func eachSelector(list []*policy, do func(kind string, s *selector)) {
	for _, p := range list {
		do("pods", &p.Spec.PodSelector)
		for _, r := range rulesOf(p) {
			for _, peer := range r.peers {
				if peer.PodSelector != nil {
					do("pods", peer.PodSelector)
				}
				if peer.NamespaceSelector != nil {
					do("namespaces", peer.NamespaceSelector)
				}
			}
		}
	}
}

func selectorCaches() []Mutation {
	return []Mutation{
		selectorCache("without-separators", "that join keys, operators and values without a separator", each("", func(r requirement) string {
			return r.Key + string(r.Operator) + strings.Join(r.Values, "")
		})),
		selectorCache("without-separators-and-in", "that join keys, operators but In, and values without a separator", each("", func(r requirement) string {
			if r.Operator == opIn {
				return r.Key + strings.Join(r.Values, "")
			}
			return r.Key + string(r.Operator) + strings.Join(r.Values, "")
		})),
		selectorCache("joined-by-dashes", "that join keys, operators and values by dashes", each("", func(r requirement) string {
			return r.Key + "-" + string(r.Operator) + "-" + strings.Join(r.Values, "-") + "-"
		})),
		selectorCache("without-operators", "without operators", each(";", func(r requirement) string { return r.Key + "|" + strings.Join(r.Values, "|") })),
		selectorCache("without-values", "without values", each(";", func(r requirement) string { return r.Key + "|" + string(r.Operator) })),
		selectorCache("without-keys", "without the keys of labels", each(";", func(r requirement) string { return string(r.Operator) + strings.Join(r.Values, "|") })),
		selectorCache("by-first-values", "with the first value of each requirement only", each(";", func(r requirement) string {
			return r.Key + "|" + string(r.Operator) + strings.Join(first(r.Values, 1), "")
		})),
		selectorCache("by-first-values-and-counts", "with the first value of each requirement and the number of values", each(";", func(r requirement) string {
			return fmt.Sprint(r.Key, "|", r.Operator, first(r.Values, 1), len(r.Values))
		})),
		selectorCache("by-labels", "of matchLabels only", func(s selector) string { return text(requirements(selector{MatchLabels: s.MatchLabels})) }),
		selectorCache("by-expressions-if-any", "of matchExpressions only, where there are any", func(s selector) string {
			if len(s.MatchExpressions) > 0 {
				return text(s.MatchExpressions)
			}
			return text(requirements(s))
		}),
		selectorCache("by-first-requirement-and-count", "of the first requirement and the number of requirements", func(s selector) string {
			l := requirements(s)
			return fmt.Sprint(first(l, 1), len(l))
		}),
		selectorCache("by-sorted-words", "of all words in the order of the alphabet", func(s selector) string {
			var words []string
			for _, r := range requirements(s) {
				words = append(append(words, r.Key, string(r.Operator)), r.Values...)
			}
			slices.Sort(words)
			return strings.Join(words, " ")
		}),
	}
}

// each writes a selector's requirements one after the other.
func each(separator string, write func(requirement) string) func(selector) string {
	return func(s selector) string {
		var b strings.Builder
		for _, r := range requirements(s) {
			b.WriteString(write(r) + separator)
		}
		return b.String()
	}
}

// portCache keeps lists of ports. An empty list needs none.
func portCache(name, how string, key func([]port) string) Mutation {
	return Mutation{Name: "ports-cached-" + name, Sentence: "Lists of ports are cached under keys " + how + ".", New: func() Reader {
		kept := map[string][]port{}
		return allPolicies(func(list []*policy) []*policy {
			eachRuleOf(list, func(r *rule) {
				if len(r.ports) == 0 {
					return
				}
				k := key(r.ports)
				if kept[k] == nil {
					kept[k] = r.ports
				}
				r.ports = kept[k]
			})
			return list
		})()
	}}
}

func eachRuleOf(list []*policy, do func(*rule)) {
	for _, p := range list {
		for _, d := range directions() {
			d.set(p, eachRule(do)(p.Namespace, d.of(p)))
		}
	}
}

func portCaches() []Mutation {
	return []Mutation{
		portCache("without-protocols", "without protocols", eachOfPorts(";", func(p port) string { return start(p) + "-" + end(p) })),
		portCache("without-ends-of-ranges", "without the ends of ranges", eachOfPorts(";", func(p port) string { return string(protocolOf(p)) + start(p) })),
		portCache("without-separators", "that join protocols, ports and ends of ranges without a separator", eachOfPorts("", whole)),
		portCache("by-first-port", "of the first port only", func(l []port) string { return whole(l[0]) }),
		portCache("by-first-port-and-count", "of the first port and the number of ports", func(l []port) string { return whole(l[0]) + fmt.Sprint(len(l)) }),
	}
}

func eachOfPorts(separator string, write func(port) string) func([]port) string {
	return func(list []port) string {
		var b strings.Builder
		for _, p := range list {
			b.WriteString(write(p) + separator)
		}
		return b.String()
	}
}

func whole(p port) string { return string(protocolOf(p)) + start(p) + end(p) }

func start(p port) string {
	if p.Port == nil {
		return "*"
	}
	return p.Port.String()
}

func end(p port) string {
	if p.EndPort == nil {
		return ""
	}
	return fmt.Sprint(*p.EndPort)
}

// blockCache keeps blocks.
func blockCache(name, how string, key func(block) string) Mutation {
	return Mutation{Name: "blocks-cached-" + name, Sentence: "Blocks are cached under keys " + how + ".", New: func() Reader {
		kept := map[string]block{}
		return allPolicies(func(list []*policy) []*policy {
			for _, p := range list {
				for _, d := range directions() {
					eachBlock(func(b *block) {
						k := key(*b)
						if old, ok := kept[k]; ok {
							*b = old
						} else {
							kept[k] = *b
						}
					})(p.Namespace, d.of(p))
				}
			}
			return list
		})()
	}}
}

func blockCaches() []Mutation {
	return []Mutation{
		blockCache("without-excepts", "without excepts", func(b block) string { return b.CIDR }),
		blockCache("without-lengths", "without the length of the prefix", func(b block) string { return before(b.CIDR, "/") + text(b.Except) }),
		blockCache("by-counts-of-excepts", "with the number of excepts only", func(b block) string { return b.CIDR + " " + fmt.Sprint(len(b.Except)) }),
		blockCache("by-first-excepts", "with the first except only", func(b block) string { return b.CIDR + strings.Join(first(b.Except, 1), "") }),
	}
}
