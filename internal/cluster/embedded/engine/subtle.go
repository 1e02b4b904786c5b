package engine

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// This file does nothing in an engine without faults. Its faults are small slips, of
// which no list of bugs told: somebody thought of them to try the library.

const (
	// few is how many policies, rules or requirements are looked at where somebody thought
	// that there would not be more.
	few = 8
	// short is how many there can be where somebody counts them in a byte.
	short = 255
)

// atMost cuts a list where the engine has the fault.
func atMost[T any](n int, list []T, faults Faults, fault Fault) []T {
	if faults.Has(fault) && len(list) > n {
		return list[:n]
	}
	return list
}

// fewPairs is the peers of a rule that count, where the fault is planted: the table holds
// 1024 pairs of a peer and a port.
func (c *compiler) fewPairs(r rule) []networkingv1.NetworkPolicyPeer {
	const room = 1024
	if !c.faults.Has(ProductsCut) || len(r.peers)*len(r.ports) <= room {
		return r.peers
	}
	return r.peers[:max(1, room/len(r.ports))]
}

// fewNamespaces holds for the first few of the namespaces that a selector matches, where
// the fault is planted.
func (c *compiler) fewNamespaces(s *selector, matches func(*namespace) bool) func(*namespace) bool {
	if s == nil || !c.faults.Has(ManyNamespacesCut) {
		return matches
	}
	left := few
	return func(n *namespace) bool { // they are asked about in order
		if left == 0 || !matches(n) {
			return false
		}
		left--
		return true
	}
}

// fewOfEach is the first few of the pods of each namespace, where the fault is planted.
func (c *compiler) fewOfEach(pods []*pod) []*pod {
	if !c.faults.Has(ManyPodsCut) {
		return pods
	}
	seen := map[string]int{}
	return slices.DeleteFunc(pods, func(p *pod) bool {
		seen[p.key.namespace]++
		return seen[p.key.namespace] > few
	})
}

func (c *compiler) ignores(p *pod) bool {
	return len(p.labels) == 0 && c.faults.Has(UnlabelledPodsIgnored)
}

// misreads reports whether the engine takes a label's key for a word of its own selectors.
func (s *selector) misreads(key string) bool {
	return s.faults.Has(SelectorWordsMisread) && slices.Contains([]string{"all", "global", "has", "in", "not"}, key)
}

// equalValues compares a label's value with a selector's.
func (s *selector) equalValues(a, b string) bool {
	switch {
	case a == b:
		return true
	case s.faults.Has(LabelCaseIgnored):
		return strings.EqualFold(a, b)
	case s.faults.Has(LabelSignsAlike):
		return dashed(a) == dashed(b)
	case s.faults.Has(LongLabelsCut):
		return cut(a, longestValue) == cut(b, longestValue)
	}
	return false
}

// oneOf reports whether a value is among a selector's.
func (s *selector) oneOf(values []string, value string) bool {
	if s.faults.Has(UnsortedValuesMissed) {
		_, found := slices.BinarySearch(values, value)
		return found
	}
	return slices.ContainsFunc(values, func(v string) bool { return s.equalValues(v, value) })
}

// label is the value of a key.
func (s *selector) label(labels map[string]string, key string) (string, bool) {
	if s.faults.Has(ControllerLabelsIgnored) && slices.Contains(controllerLabels(), key) {
		return "", false
	}
	value, ok := labels[key]
	if ok {
		return value, ok
	}
	for have, value := range labels {
		if s.faults.Has(LabelDomainIgnored) && withoutDomain(have) == withoutDomain(key) ||
			s.faults.Has(LabelSignsAlike) && dashed(have) == dashed(key) ||
			s.faults.Has(LongLabelsCut) && cut(have, longestKey) == cut(key, longestKey) {
			return value, true
		}
	}
	return "", false
}

// What an engine keeps of a label that cuts long ones: a character less of a value than there
// may be, and less of a key than a long domain and a name take.
const (
	longestValue = 62
	longestKey   = 250
)

func cut(text string, most int) string { return text[:min(most, len(text))] }

func dashed(text string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(text) }

func withoutDomain(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

// controllerLabels are keys that controllers give their pods.
func controllerLabels() []string {
	return []string{
		appsv1.DefaultDeploymentUniqueLabelKey, appsv1.ControllerRevisionHashLabelKey, appsv1.StatefulSetPodNameLabel, appsv1.PodIndexLabel,
		batchv1.JobCompletionIndexAnnotation,
	}
}

// readBefore is the selector that is taken for this one: where selectors are known by
// their letters, the first that had the same.
func (c *compiler) readBefore(s *metav1.LabelSelector) *metav1.LabelSelector {
	if s == nil || !c.faults.Has(SelectorsByLetters) {
		return s
	}
	letters := lettersOf(s)
	if c.world.read[letters] == nil {
		c.world.read[letters] = s
	}
	return c.world.read[letters]
}

func lettersOf(s *metav1.LabelSelector) string {
	var letters strings.Builder
	for _, key := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		letters.WriteString(key + s.MatchLabels[key])
	}
	for _, r := range s.MatchExpressions {
		letters.WriteString(r.Key + string(r.Operator) + strings.Join(r.Values, ""))
	}
	return letters.String()
}

// crossedPeers is the pods of each peer in the namespaces of each other.
func (c *compiler) crossedPeers(p *policy, list []networkingv1.NetworkPolicyPeer) []peerSet {
	if !c.faults.Has(PeersCrossed) {
		return nil
	}
	var out []peerSet
	for _, a := range list {
		for _, b := range list {
			if a.NamespaceSelector != nil && b.PodSelector != nil {
				out = append(out, c.peer(p, &networkingv1.NetworkPolicyPeer{NamespaceSelector: a.NamespaceSelector, PodSelector: b.PodSelector}))
			}
		}
	}
	return out
}

// portsOfNodes are ports that nodes talk to each other on.
func portsOfNodes() portSet {
	const bgp, kubelet, geneve = 179, 10250, 6081
	one := func(protocol uint8, number uint16) portSet {
		return portSet{{newPort(protocol, number), newPort(protocol, number)}}
	}
	return union(one(protocolTCP, bgp), one(protocolTCP, kubelet), one(protocolUDP, geneve))
}

// forgetNamesakes forgets policies that share a name with one that has changed.
func (s *store) forgetNamesakes(changed key) {
	if !s.faults.Has(UpdateForgetsNamesakes) {
		return
	}
	maps.DeleteFunc(s.policies, func(k key, _ *policy) bool { return k.name == changed.name && k != changed })
}

// endsMoved reports whether two policies differ in nothing but the ends of ranges.
func endsMoved(a, b *policy) bool {
	return reflect.DeepEqual(withoutEnds(a.spec), withoutEnds(b.spec))
}

func withoutEnds(spec *networkingv1.NetworkPolicySpec) *networkingv1.NetworkPolicySpec {
	spec = spec.DeepCopy()
	for _, d := range directions {
		for _, r := range rulesOf(spec, d) {
			for i := range r.ports {
				r.ports[i].EndPort = nil
			}
		}
	}
	return spec
}

// slipped is a list of ports as a careless reader has it.
func (c *compiler) slipped(list []networkingv1.NetworkPolicyPort) []networkingv1.NetworkPolicyPort {
	var out []networkingv1.NetworkPolicyPort
	for i, p := range list {
		numbered := p.Port != nil && p.Port.IntVal > 0
		if c.faults.Has(HighPortsIgnored) && numbered && p.Port.IntVal > 32767 {
			continue
		}
		again := func(later networkingv1.NetworkPolicyPort) bool { return later.Port != nil && *later.Port == *p.Port }
		if c.faults.Has(PortNumberOverwritten) && numbered && slices.ContainsFunc(list[i+1:], again) {
			continue
		}
		out = append(out, p)
	}
	return out
}

// cutShort is a block as somebody has it who thinks in networks of IPv6.
func (c *compiler) cutShort(p netip.Prefix) netip.Prefix {
	if c.faults.Has(LongIPv6PrefixCut) && p.Addr().Is6() && p.Bits() > 64 {
		return netip.PrefixFrom(p.Addr(), 64)
	}
	return p
}

// inBytes is a block as somebody has it who compares whole bytes.
func (c *compiler) inBytes(p netip.Prefix) netip.Prefix {
	switch {
	case !p.IsValid():
	case c.faults.Has(PrefixRoundedDown):
		return netip.PrefixFrom(p.Addr(), p.Bits()/8*8)
	case c.faults.Has(PrefixRoundedUp):
		return netip.PrefixFrom(p.Masked().Addr(), (p.Bits()+7)/8*8)
	}
	return p
}

// slips are what an isolation lets through by a slip.
func (m *modeller) slips(allows []allow, policies []*compiled, d direction) []allow {
	var out []allow
	if m.faults.Has(UnnamedProtocolsOpen) {
		out = append(out, unnamed(allows)...)
	}
	for _, c := range policies {
		if m.faults.Has(AdmittedIsReached) && d == egress && c.says[ingress] != nil {
			for _, a := range c.says[ingress].allows {
				out = append(out, allow{peers: a.peers, ports: everyPort()})
			}
		}
	}
	return out
}

// unnamed opens the protocols that the rules do not name, where they name one.
func unnamed(allows []allow) []allow {
	var named portSet
	for _, a := range allows {
		for _, s := range a.ports {
			named = union(named, portSet{s})
		}
	}
	var out []allow
	for _, protocol := range []uint8{protocolTCP, protocolUDP, protocolSCTP} {
		if len(named) > 0 && len(named.and(portsOf(protocol))) == 0 {
			out = append(out, allow{peers: everyAddr(), ports: portsOf(protocol)})
		}
	}
	return out
}

// inOrder is a selector's requirements, those of its labels last, by key.
func inOrder(list []metav1.LabelSelectorRequirement, labels int) []metav1.LabelSelectorRequirement {
	slices.SortFunc(list[len(list)-labels:], func(a, b metav1.LabelSelectorRequirement) int { return strings.Compare(a.Key, b.Key) })
	return list
}
