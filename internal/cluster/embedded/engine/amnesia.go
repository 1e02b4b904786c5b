package engine

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// This file does nothing in an engine without faults. Its faults are of an agent that
// knows less after a restart than before, or knows it no better than once.

// remembered is a policy that is there when the engine starts, as the engine then takes it;
// false where it does not. Everything else is as it is.
func (l *loop) remembered(e event) (event, bool) {
	p, ok := e.object.(*networkingv1.NetworkPolicy)
	if !ok {
		return e, true
	}
	l.note(e)
	if l.life == 0 {
		return e, true
	}
	switch {
	case l.faults.Has(RestartForgetsPolicies):
		return e, false
	case l.faults.Has(RestartForgetsBlocks):
		e.object = withoutBlocks(p)
	case l.faults.Has(RestartGoesBack):
		e.object = l.firsts[key{p.Namespace, p.Name}]
	}
	return e, true
}

// lookBack mixes into what was read after a restart what the engine knew before it.
func (l *loop) lookBack() {
	switch {
	case l.life == 0:
	case l.faults.Has(RestartMissesChanges):
		l.store = l.left
	case l.faults.Has(RestartMissesDeletions):
		for k, p := range l.left.policies {
			if l.store.policies[k] == nil {
				l.store.policies[k] = p
			}
		}
	}
}

// deafTo reports whether the engine misses a change since it was restarted.
func (l *loop) deafTo(e event) bool {
	if l.life == 0 {
		return false
	}
	switch object := e.object.(type) {
	case *corev1.Namespace:
		return l.faults.Has(RestartDeafToNamespaces)
	case *corev1.Pod:
		return l.faults.Has(RestartDeafToNewPods) && l.store.pods[key{object.Namespace, object.Name}] == nil
	case *networkingv1.NetworkPolicy:
		return l.faults.Has(RestartDeafToUpdates) && e.kind == watch.Modified
	}
	return false
}

// note keeps each policy as it came.
func (l *loop) note(e event) {
	p, ok := e.object.(*networkingv1.NetworkPolicy)
	if !ok || !l.faults.Has(RestartGoesBack) && !l.faults.Has(ResyncGoesBack) {
		return
	}
	k := key{p.Namespace, p.Name}
	switch {
	case e.kind == watch.Deleted:
		delete(l.firsts, k)
	case l.firsts[k] == nil:
		l.firsts[k] = p
	}
}

// withoutBlocks has every block hold an address that is nobody's.
func withoutBlocks(p *networkingv1.NetworkPolicy) *networkingv1.NetworkPolicy {
	p = p.DeepCopy()
	for _, d := range directions {
		for _, r := range rulesOf(&p.Spec, d) {
			for i := range r.peers {
				if r.peers[i].IPBlock != nil {
					r.peers[i].IPBlock = &networkingv1.IPBlock{CIDR: "0.0.0.0/32"}
				}
			}
		}
	}
	return p
}
