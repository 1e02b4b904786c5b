package engine

import (
	"maps"
	"net/netip"
	"reflect"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// event is one change of one object.
type event struct {
	kind   watch.EventType // Added, Modified or Deleted
	object metav1.Object   // *Namespace, *Pod or *NetworkPolicy
}

// store holds the objects as the engine knows them.
type store struct {
	faults     Faults
	namespaces map[string]map[string]string // labels
	pods       map[key]*pod
	policies   map[key]*policy
	// endpoints counts the changes of namespaces and pods.
	endpoints uint64

	created uint64 // policies so far

	// What only faulty engines remember.
	relabelled      map[string]time.Time // by namespace: when a pod of it was last
	deletedPolicies map[key]*policy
	oldAddrs        map[key][]netip.Addr
	firstOf         map[netip.Addr]*pod
	oldLabels       map[string]map[string]string // of namespaces that were deleted
}

func newStore(faults Faults) *store {
	return &store{
		faults:          faults,
		namespaces:      map[string]map[string]string{},
		pods:            map[key]*pod{},
		policies:        map[key]*policy{},
		deletedPolicies: map[key]*policy{},
		oldAddrs:        map[key][]netip.Addr{},
		firstOf:         map[netip.Addr]*pod{},
		oldLabels:       map[string]map[string]string{},
		relabelled:      map[string]time.Time{},
	}
}

// apply takes an event in and reports whether it changed anything that matters.
func (s *store) apply(e event) bool {
	switch object := e.object.(type) {
	case *corev1.Namespace:
		return s.endpointChanged(s.applyNamespace(e.kind, object))
	case *corev1.Pod:
		return s.endpointChanged(s.applyPod(e.kind, newPod(object, s.faults)))
	case *networkingv1.NetworkPolicy:
		return s.applyPolicy(e.kind, &policy{key: key{object.Namespace, object.Name}, spec: &object.Spec})
	}
	return false
}

func (s *store) endpointChanged(changed bool) bool {
	if changed {
		s.endpoints++
	}
	return changed
}

func (s *store) applyNamespace(kind watch.EventType, n *corev1.Namespace) bool {
	old, known := s.namespaces[n.Name]
	if kind == watch.Deleted {
		delete(s.namespaces, n.Name)
		s.oldLabels[n.Name] = old
		return known
	}
	if before, was := s.oldLabels[n.Name]; was && s.faults.Has(StaleOnNamespaceRecreate) {
		n = n.DeepCopy()
		n.Labels = before
	}
	labels := s.labels(known, StaleOnNamespaceRelabel, old, n.Labels)
	s.namespaces[n.Name] = labels
	return !known || !maps.Equal(old, labels)
}

func (s *store) applyPod(kind watch.EventType, p *pod) bool {
	old, known := s.pods[p.key]
	if kind == watch.Deleted {
		delete(s.pods, p.key)
		s.deletedLate(p)
		return known
	}
	if known {
		s.letGo(old, p)
		if !maps.Equal(old.labels, p.labels) {
			s.relabelled[p.key.namespace] = time.Now()
		}
		p.labels = s.labels(true, StaleOnPodRelabel, old.labels, p.labels)
	}
	if s.faults.Has(NamedPortsFrozen) {
		p.turned = s.turned(old, p)
	}
	if s.faults.Has(StaleOnPodRecreate) {
		p.addrs = s.firstAddrs(p)
	}
	s.takenFor(p)
	s.born(old, p)
	s.left(old, p)
	s.pods[p.key] = p
	return !known || !reflect.DeepEqual(old, p)
}

// labels is the labels that an object has after a change.
func (s *store) labels(known bool, stale Fault, old, now map[string]string) map[string]string {
	if known && s.faults.Has(stale) {
		return old
	}
	if known && s.faults.Has(LabelRemovalMissed) {
		merged := map[string]string{}
		maps.Copy(merged, old)
		maps.Copy(merged, now)
		return merged
	}
	return now
}

// turned is when the pod came, or its labels last changed, by the count of a faulty engine.
func (s *store) turned(old, now *pod) uint64 {
	if old != nil && maps.Equal(old.labels, now.labels) {
		return old.turned
	}
	return s.endpoints + 1
}

// firstAddrs is the addresses that a pod of this name had first.
func (s *store) firstAddrs(p *pod) []netip.Addr {
	if first := s.oldAddrs[p.key]; len(first) > 0 {
		return first
	}
	s.oldAddrs[p.key] = p.addrs
	return p.addrs
}

func (s *store) applyPolicy(kind watch.EventType, p *policy) bool {
	if s.faults.Has(SamePolicyNameCollision) {
		return s.setPolicy(kind, key{name: p.key.name}, p)
	}
	return s.setPolicy(kind, s.known(p.key), p)
}

func (s *store) setPolicy(kind watch.EventType, k key, p *policy) bool {
	old, known := s.policies[k]
	switch {
	case kind == watch.Deleted && s.faults.Has(StaleOnDelete):
		return false
	case kind == watch.Deleted:
		return s.deletePolicy(k)
	case known && (s.faults.Has(StaleOnUpdate) || s.loses(p) || s.faults.Has(StaleOnEndPort) && endsMoved(old, p)):
		return false
	case !known && s.deletedPolicies[k] != nil && s.faults.Has(StaleOnRecreate):
		p = s.deletedPolicies[k]
	case known && s.faults.Has(LateUpdateLosesARule):
		p = lossy(p)
	}
	if known {
		if old.says(p) {
			return s.faults.Has(ForgetsOnMetadataUpdate) && s.deletePolicy(k)
		}
		p.created = old.created
		s.giveUp(old, p)
	} else {
		s.created++
		p.created = s.created
	}
	p.asOf = s.endpoints
	s.policies[k] = p
	if known {
		s.forgetNamesakes(k)
	}
	return true
}

func (s *store) deletePolicy(k key) bool {
	old, known := s.policies[k]
	if known && s.faults.Has(StaleOnRecreate) {
		s.deletedPolicies[k] = old
	}
	delete(s.policies, k)
	s.giveUp(old, nil)
	return known
}

// hasIPv6Block reports whether any policy holds an IPv6 block.
func (s *store) hasIPv6Block() bool {
	for _, p := range s.policies {
		if holdsIPv6Block(p.spec) {
			return true
		}
	}
	return false
}

func holdsIPv6Block(spec *networkingv1.NetworkPolicySpec) bool {
	for cidr := range blocksOf(spec) {
		if parseBlock(cidr).Addr().Is6() {
			return true
		}
	}
	return false
}

func isPolicy(e event) bool {
	_, ok := e.object.(*networkingv1.NetworkPolicy)
	return ok
}
