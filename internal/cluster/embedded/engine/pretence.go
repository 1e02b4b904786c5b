package engine

import (
	"maps"
	"strings"
)

// What faulty engines believe of a pod because of its own labels, where plugins keep what
// they know of a pod's namespace among the pod's labels. Nothing here does anything in an
// engine without faults.

const (
	// namespaceLabel and inheritedLabel are how such plugins call a pod's namespace, and the
	// labels of that.
	namespaceLabel = "io.kubernetes.pod.namespace"
	inheritedLabel = "pcns."
)

// claimed is the namespace that a pod's labels say it is of; "": they say nothing.
func claimed(labels map[string]string, faults Faults) string {
	if !faults.Has(NamespaceByLabel) {
		return ""
	}
	return labels[namespaceLabel]
}

// home is the pod's namespace and its labels. A pod whose own labels go before those is at
// home in a namespace of its own.
func (w *world) home(p *pod, of map[string]map[string]string) (string, map[string]string) {
	name := p.namespace()
	labels := of[name]
	if !w.faults.Has(InheritedLabelsOverridden) {
		return name, labels
	}
	own := map[string]string{}
	for key, value := range p.labels {
		if inherited, is := strings.CutPrefix(key, inheritedLabel); is {
			own[inherited] = value
		}
	}
	if len(own) == 0 {
		return name, labels
	}
	both := map[string]string{}
	maps.Copy(both, labels)
	maps.Copy(both, own)
	return name + "/" + p.key.name, both
}
