package cluster

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AgentContainer is the one container of an agent's pod.
const AgentContainer = "agent"

// SocketVariable names the control socket of an agent, and of those who connect to it, in
// the environment of its container. Agents that share a network need names of their own.
const SocketVariable = "CNIPROOF_SOCKET"

// Unprivileged is the user of agents that need no capability.
const Unprivileged int64 = 65534

// agentCPU is what the scheduler sets aside for an agent. Without any request a pod is
// BestEffort: all of those on a node share the weight of two thousandths of a processor,
// and on a busy node stand still for half a second. More than this would leave pods
// pending on small nodes.
const agentCPU = "20m"

// AgentPod is what every pod that runs an agent has in common. It has no capability
// and no say in who its user is.
func AgentPod(name, node, image string) *corev1.Pod {
	no, grace := false, int64(1)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{corev1.LabelHostname: node},
			Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			AutomountServiceAccountToken:  &no,
			EnableServiceLinks:            &no,
			TerminationGracePeriodSeconds: &grace,
			SecurityContext: &corev1.PodSecurityContext{
				// Ports below 1024 need no privilege then, whatever the runtime's default.
				Sysctls:        []corev1.Sysctl{{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"}},
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name:  AgentContainer,
				Image: image,
				Args:  []string{"--control", "socket"},
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(agentCPU)},
				},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no,
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}

// PodReady reports whether the pod's condition says so.
func PodReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
