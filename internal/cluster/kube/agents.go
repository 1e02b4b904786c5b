package kube

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/cluster"
)

// The pods of an owner's own namespace: on every node an agent in the node's network,
// and a scout, which is an ordinary probe pod.
const (
	labelRole = "cniproof.dev/role"
	roleNode  = "node"
	roleScout = "scout"

	scoutPort     = 80
	scoutService  = 20080
	servicesScout = "scouts"
)

func nodeAgent(number int) string { return "node-" + strconv.Itoa(number) }
func scout(number int) string     { return "scout-" + strconv.Itoa(number) }

// startAgents creates all of them at once. What the cluster's admission refuses is
// noted as lacking, with its reason.
func (c *Cluster) startAgents(ctx context.Context) error {
	var group sync.WaitGroup
	scouts, agents := make([]error, len(c.nodes)), make([]error, len(c.nodes))
	var service error
	for i := range c.nodes {
		group.Go(func() { scouts[i] = c.startScout(ctx, i+1) })
		group.Go(func() { agents[i] = c.startPod(ctx, c.nodePod(i+1)) })
	}
	group.Go(func() { service = c.startService(ctx) })
	group.Wait()
	if service != nil {
		return service
	}
	for i := range c.nodes {
		switch {
		case apierrors.IsForbidden(agents[i]):
			c.description.Lacks["node-traffic"] = "the cluster refuses pods on the nodes' own network: " + agents[i].Error()
		case agents[i] != nil:
			return agents[i]
		}
		if scouts[i] != nil {
			return scouts[i]
		}
	}
	return nil
}

// startScout makes a pod with raw sockets, or without where they are refused.
func (c *Cluster) startScout(ctx context.Context, number int) error {
	pod := c.scoutPod(number)
	err := c.startPod(ctx, pod)
	if !apierrors.IsForbidden(err) {
		return err
	}
	c.noSCTP("the cluster refuses pods with CAP_NET_RAW, which SCTP probes need for their raw sockets: " + err.Error())
	yes, nobody := true, cluster.Unprivileged
	pod.Spec.SecurityContext.RunAsUser, pod.Spec.SecurityContext.RunAsNonRoot = &nobody, &yes
	pod.Spec.Containers[0].SecurityContext.Capabilities.Add = nil
	return c.startPod(ctx, pod)
}

func (c *Cluster) startPod(ctx context.Context, pod *corev1.Pod) error {
	_, err := c.api.CoreV1().Pods(c.home.namespace).Create(ctx, pod, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating pod %q: %w", pod.Name, err)
	}
	return nil
}

func (c *Cluster) startService(ctx context.Context) error {
	dual := corev1.IPFamilyPolicyPreferDualStack
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: servicesScout},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{labelRole: roleScout}, IPFamilyPolicy: &dual},
	}
	for _, p := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP} {
		service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{
			Name: "scout-" + map[corev1.Protocol]string{"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}[p],
			Port: scoutService, Protocol: p, TargetPort: intstr.FromInt32(scoutPort),
		})
	}
	if _, err := c.api.CoreV1().Services(c.home.namespace).Create(ctx, service, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating service %q: %w", servicesScout, err)
	}
	return nil
}

func (c *Cluster) scoutPod(number int) *corev1.Pod {
	return c.pod(scout(number), roleScout, number, "NET_RAW")
}

// nodePod is an agent on the node's own network. It may bind low ports, which a host
// allows to root only.
func (c *Cluster) nodePod(number int) *corev1.Pod {
	pod := c.pod(nodeAgent(number), roleNode, number, "NET_RAW", "NET_BIND_SERVICE")
	pod.Spec.HostNetwork = true
	pod.Spec.SecurityContext.Sysctls = nil
	pod.Spec.Containers[0].Args = append(pod.Spec.Containers[0].Args, "--socket", c.home.socket())
	pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "CNIPROOF_IDENTITY", Value: fmt.Sprintf("node/%d", number)}}
	return pod
}

func (c *Cluster) pod(name, role string, node int, capabilities ...corev1.Capability) *corev1.Pod {
	root := int64(0)
	pod := cluster.AgentPod(name, c.nodes[node-1].Name, c.config.AgentImage)
	pod.Labels = map[string]string{labelRole: role}
	pod.Spec.SecurityContext.RunAsUser = &root
	agent := &pod.Spec.Containers[0]
	agent.Env = []corev1.EnvVar{{Name: "CNIPROOF_IDENTITY", Value: fmt.Sprintf("%s/%s", c.home.namespace, name)}}
	agent.SecurityContext.Capabilities.Add = capabilities
	return pod
}
