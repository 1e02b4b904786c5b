package deploy

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/scenario"
)

// onHost puts a pod on its node's network. Its agent shares that with others, so that its
// control socket needs a name of its own. The ports that it serves are not declared: what
// a scheduler would then keep free is only what others declare.
func onHost(pod *corev1.Pod) {
	pod.Spec.HostNetwork = true
	pod.Spec.SecurityContext.Sysctls = nil
	agent := &pod.Spec.Containers[0]
	agent.Ports = nil
	agent.Env = append(agent.Env, corev1.EnvVar{Name: cluster.SocketVariable, Value: "$(POD_UID)"})
}

// privileged reports whether the stage has pods that the strictest Pod Security level
// does not admit.
func (s *Stage) privileged() bool {
	return s.raw() || slices.ContainsFunc(s.topology.Pods, func(p scenario.Pod) bool { return p.HostNetwork })
}
