package embedded

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// reasonGates is the kubelet's reason why a pod whose containers are ready is not.
const reasonGates = "ReadinessGatesNotReady"

// decideReady writes whether the pod is ready, as a kubelet does: its containers must be,
// and every condition that is one of its readiness gates must be true.
func decideReady(pod *corev1.Pod) {
	is, reason, message := readyNow(pod)
	setCondition(&pod.Status, corev1.PodReady, is, reason, message)
}

// readyDecided reports whether the pod's status says that already, or says nothing of its
// containers yet.
func readyDecided(pod *corev1.Pod) bool {
	said := condition(&pod.Status, corev1.PodReady)
	is, _, message := readyNow(pod)
	return said == nil || said.Status == corev1.ConditionTrue == is && said.Message == message
}

func readyNow(pod *corev1.Pod) (is bool, reason, message string) {
	containers := condition(&pod.Status, corev1.ContainersReady)
	if containers == nil || containers.Status != corev1.ConditionTrue {
		return false, "", ""
	}
	var shut []string
	for _, g := range pod.Spec.ReadinessGates {
		switch c := condition(&pod.Status, g.ConditionType); {
		case c == nil:
			shut = append(shut, fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", g.ConditionType))
		case c.Status != corev1.ConditionTrue:
			shut = append(shut, fmt.Sprintf(`the status of pod readiness gate %q is not "True", but %s`, g.ConditionType, c.Status))
		}
	}
	if len(shut) == 0 {
		return true, "", ""
	}
	return false, reasonGates, strings.Join(shut, ", ")
}

// condition is the condition of that type, or nil.
func condition(s *corev1.PodStatus, kind corev1.PodConditionType) *corev1.PodCondition {
	i := slices.IndexFunc(s.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
	if i < 0 {
		return nil
	}
	return &s.Conditions[i]
}
