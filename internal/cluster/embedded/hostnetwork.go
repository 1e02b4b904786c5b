package embedded

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/cniproof/cniproof/internal/cluster"
)

// listen gives the agent a control socket of its own where the pod says that it needs
// one: others share its network.
func (k *keeper) listen(pod *corev1.Pod) {
	if slices.ContainsFunc(pod.Spec.Containers[0].Env, func(v corev1.EnvVar) bool { return v.Name == cluster.SocketVariable }) {
		k.socket = "@" + string(pod.UID)
		k.args = slices.Concat(k.args, []string{"--socket", string(pod.UID)})
	}
}
