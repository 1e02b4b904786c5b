package oracle

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/flow"
)

// peer is a NetworkPolicyPeer made ready: either a block of addresses or selectors.
type peer struct {
	block      *ipBlock
	home       string    // the policy's namespace, which counts where namespaces is nil
	namespaces *selector // nil: the policy's own namespace only
	pods       *selector // nil: every pod of the namespaces
	admits     []bool    // what the selectors come to, by party.index
}

// ipBlock holds the addresses of cidr that are in none of except.
type ipBlock struct {
	cidr   netip.Prefix
	except []netip.Prefix
}

func (w *World) newPeer(home string, p networkingv1.NetworkPolicyPeer) (peer, error) {
	if p.IPBlock != nil {
		if p.PodSelector != nil || p.NamespaceSelector != nil {
			return peer{}, errors.New("an ipBlock beside a selector")
		}
		block, err := newIPBlock(p.IPBlock)
		return peer{block: block}, err
	}
	if p.PodSelector == nil && p.NamespaceSelector == nil {
		return peer{}, errors.New("neither an ipBlock nor a selector")
	}
	pods, err := optionalSelector(p.PodSelector)
	if err != nil {
		return peer{}, fmt.Errorf("podSelector: %w", err)
	}
	namespaces, err := optionalSelector(p.NamespaceSelector)
	if err != nil {
		return peer{}, fmt.Errorf("namespaceSelector: %w", err)
	}
	made := peer{home: home, pods: pods, namespaces: namespaces}
	made.admits = make([]bool, len(w.parties))
	for _, pod := range w.parties {
		made.admits[pod.index] = pod.selectable() && w.selects(&made, pod)
	}
	return made, nil
}

// optionalSelector keeps the difference between no selector and an empty one.
func optionalSelector(s *metav1.LabelSelector) (*selector, error) {
	if s == nil {
		return nil, nil
	}
	made, err := newSelector(s)
	return &made, err
}

// selects reports whether both halves of the peer match the pod.
func (w *World) selects(p *peer, pod *party) bool {
	if p.namespaces == nil && pod.namespace != p.home {
		return false
	}
	if p.namespaces != nil && !p.namespaces.matches(w.Namespaces[pod.namespace]) {
		return false
	}
	return p.pods == nil || p.pods.matches(pod.labels)
}

func newIPBlock(b *networkingv1.IPBlock) (*ipBlock, error) {
	cidr, err := newCIDR(b.CIDR)
	if err != nil {
		return nil, fmt.Errorf("cidr: %w", err)
	}
	made := &ipBlock{cidr: cidr}
	for _, text := range b.Except {
		except, err := newCIDR(text)
		if err != nil {
			return nil, fmt.Errorf("except: %w", err)
		}
		made.except = append(made.except, except)
	}
	return made, nil
}

// newCIDR takes bits beyond the mask as the API server does: they do not count.
func newCIDR(text string) (netip.Prefix, error) {
	cidr, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if cidr.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q is an IPv4 address written as IPv6", text)
	}
	return cidr.Masked(), nil
}

func (b *ipBlock) family() flow.Family { return familyOf(b.cidr.Addr()) }

func (b *ipBlock) holds(a netip.Addr) bool {
	if !b.cidr.Contains(a) {
		return false
	}
	for _, except := range b.except {
		if except.Contains(a) {
			return false
		}
	}
	return true
}

func (p *peer) verdict(q *question) flow.Verdict {
	if p.block == nil {
		return allowIf(p.admits[q.peer.index])
	}
	if p.block.family() != q.flow.Family {
		return flow.Deny
	}
	return q.blockVerdict(p.block)
}

// blockVerdict judges a block of the flow's own family. Blocks are made for
// addresses outside the cluster; whether one admits what is inside is contested.
// One that cannot hold any address at which the peer could be seen denies it.
func (q *question) blockVerdict(b *ipBlock) flow.Verdict {
	own := addrOf(q.peer.addrs, q.flow.Family)
	if q.peer.endpoint.Kind == flow.KindExternal || q.literal() && own.IsValid() {
		return allowIf(b.holds(own))
	}
	if q.mayHold(b, q.peer.addrs) || q.mayHoldDisguise(b) {
		return flow.Undefined
	}
	return flow.Deny
}

// literal reports whether an ipBlock is to be judged by the pod's own address.
func (q *question) literal() bool {
	return q.world.LiteralIPBlocks && q.peer.endpoint.Kind == flow.KindPod && q.flow.Via == flow.PodIP
}

// mayHold reports whether the block holds one of the addresses. Where none of the
// family is known, only a block among the external hosts certainly does not.
func (q *question) mayHold(b *ipBlock, addrs []netip.Addr) bool {
	known := false
	for _, a := range addrs {
		if familyOf(a) != q.flow.Family {
			continue
		}
		known = true
		if b.holds(a.Unmap()) {
			return true
		}
	}
	return !known && !inside(b.cidr, q.world.Binding.ExternalCIDRs)
}

// mayHoldDisguise reports whether the block may hold an address that a Service puts
// in the place of the peer's own: that of a node, where the source is masqueraded,
// or the Service's, before a destination is chosen. That one is not known, but it is
// none of a pod or an external host.
func (q *question) mayHoldDisguise(b *ipBlock) bool {
	switch {
	case !q.flow.Via.Service():
		return false
	case q.way == ingress:
		return q.mayHold(b, q.world.nodes)
	}
	return !inside(b.cidr, q.world.Binding.ExternalCIDRs) && !inside(b.cidr, q.world.Binding.PodCIDRs)
}

// inside reports whether all of the prefix lies in one of the others.
func inside(p netip.Prefix, others []netip.Prefix) bool {
	for _, other := range others {
		if other.Overlaps(p) && other.Bits() <= p.Bits() {
			return true
		}
	}
	return false
}

func (b *ipBlock) String() string {
	if len(b.except) == 0 {
		return b.cidr.String()
	}
	except := make([]string, len(b.except))
	for i, e := range b.except {
		except[i] = e.String()
	}
	return b.cidr.String() + " except " + strings.Join(except, " and ")
}

// whatPeer says whom the peer admits.
func (w *World) whatPeer(p *peer) string {
	if p.block != nil {
		return "addresses in " + p.block.String()
	}
	pods := "every pod"
	if p.pods != nil && !p.pods.Empty() {
		pods = "pods with " + w.what(*p.pods)
	}
	switch {
	case p.namespaces == nil:
		return pods + " of namespace " + w.scenarioName(p.home)
	case p.namespaces.Empty():
		return pods + " of every namespace"
	}
	return pods + " of namespaces with " + w.what(*p.namespaces)
}
