package engine

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// What faulty engines make of a pod that is not ready. To an engine without faults whether
// a pod is ready makes no difference.

func (f Faults) goesByReadiness() bool { return f.Has(UnreadyPodsOpen) || f.Has(UnreadyPeersForgotten) }

// saysUnready reports whether the status says that the pod is not ready. That of a pod
// which has not begun says nothing.
func saysUnready(status *corev1.PodStatus) bool {
	return slices.ContainsFunc(status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionFalse
	})
}

// ready leaves out the pods that are not ready, in an engine with the fault.
func ready(pods []*pod, faults Faults, f Fault) []*pod {
	if !faults.Has(f) {
		return pods
	}
	return slices.DeleteFunc(slices.Clone(pods), func(p *pod) bool { return p.unready })
}
