package engine

import (
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// This file does nothing in an engine without faults. A faulty one takes the second of two
// changes of labels for a repetition of the first.

// restFor is how long after a change of an object's labels another one is missed.
const restFor = 300 * time.Millisecond

// hasty reports whether the engine misses a change of labels because another of the same
// object has only just come.
func (l *loop) hasty(e event) bool {
	k := key{e.object.GetNamespace(), e.object.GetName()}
	if !l.faults.Has(SecondLabelMissed) || e.kind != watch.Modified || !l.relabels(e, k) {
		return false
	}
	if time.Since(l.labelled[k]) < restFor {
		return true
	}
	l.labelled[k] = time.Now()
	return false
}

// relabels reports whether the event changes labels that the store has.
func (l *loop) relabels(e event, k key) bool {
	switch object := e.object.(type) {
	case *corev1.Namespace:
		return !maps.Equal(l.store.namespaces[k.name], object.Labels)
	case *corev1.Pod:
		p := l.store.pods[k]
		return p != nil && !maps.Equal(p.labels, object.Labels)
	}
	return false
}
