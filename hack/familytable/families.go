package main

import "regexp"

// family is one way in which implementations broke, of those that a survey of 244 bugs
// in public trackers found.
type family struct {
	name    string
	bugs    int
	members *regexp.Regexp // of "topic/name"
}

// families are those of the survey, the most frequent first. A scenario may belong to
// several.
func families() []family {
	list := []struct {
		name    string
		bugs    int
		members string
	}{
		{"restart of agent, controller or node; upgrade", 19, `/.*restart|^(dynamics|restarts?)/.*restart`},
		{"except of an ipBlock", 16, `except|hole|lengths-between|anywhere-but|outside-cidr|load-balancer`},
		{"selectors: empty, nil, AND and OR, NotIn, absent keys, other namespaces", 15, `^(selectors|peers)/|^guide/.*(selector|peers|label|and-in-one|or-in-two)|any-of-100-(peers|values)`},
		{"ports, protocols without ports, endPort, SCTP", 15, `^(ports|protocols)/|port|sctp|udp`},
		{"several rules, equal and nested CIDRs, peers times ports", 14, `^crossed/|lengths-between|rules|blocks|overlapping|nested|ports-of|equal-`},
		{"a pod is recreated or terminates", 13, `recreated|terminat|^pods/`},
		{"named ports", 12, `named-port|port-name|names-and-numbers|named`},
		{"a pod or a namespace is relabelled", 11, `^labels/|label.*follow|relabel`},
		{"the path over a ClusterIP", 11, `^services/|service|cluster-?ip`},
		{"an address is used again", 11, `reuse|recreated-peer|address-goes`},
		{"connection tracking, established flows", 11, `replies|established|source-port|stream|redialled|conntrack`},
		{"IPv6, dual stack", 10, `ipv6|famil`},
		{"a policy is updated in place", 10, `^updates/|changed|rapid|edit`},
		{"a policy or namespace is recreated under its name", 10, `recreated-with|under-another-name|recreated-under|deleted-and-recreated|same-name`},
		{"exemption of nodes and kubelet, hostNetwork", 9, `^nodes/|own-node|kubelet|host-network`},
		{"union of policies", 8, `^policies/|union|stacked|policies`},
		{"isolation defaults", 7, `^isolation/|canonical|default|policy-types`},
		{"capacity and convergence", 7, `^lists/|hundred|twenty-five|long-lists|many`},
		{"a new pod is open at its start", 7, `first-instant|starts?-isolated|new-pod|init-container`},
		{"NodePort, LoadBalancer, hostPort", 7, `node-?port|host-?port`},
		{"a new pod is shut at its start", 6, `new-pod|first-instant`},
		{"poison: one object stops everything", 6, `^poison/|poison|canary`},
		{"names, hashes and identifiers collide", 5, `names-that|long-names|long-labels|same-name|same-pod-name|same-spec|collide`},
		{"placement", 4, `canonical-|placement|each-node|one-pod-per-node`},
		{"hairpin", 4, `pod-to-itself|hairpin`},
		{"ipBlock against the identity of a pod or a node", 4, `by-address|pod-in-except|pods-in-the-block|address-block`},
		{"a transient drop or leak on an equivalent update", 3, `swap|to-and-fro|unchanged|equivalent|replaced|stays-in-force|still-enforced`},
		{"fragments of UDP", 3, `datagrams`},
	}
	out := make([]family, len(list))
	for i, f := range list {
		out[i] = family{f.name, f.bugs, regexp.MustCompile(f.members)}
	}
	return out
}
