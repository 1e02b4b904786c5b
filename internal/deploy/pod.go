package deploy

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

func (s *Stage) createPod(ctx context.Context, p *podState) error {
	if err := s.startPod(ctx, p); err != nil {
		return err
	}
	if len(p.pod.Ports) == 0 || s.topology.Direct {
		return nil
	}
	service, err := s.api.CoreV1().Services(s.real(p.pod.Namespace)).Create(ctx, s.service(p.pod), metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("creating service %q of pod %q: %w", p.pod.Name, p.pod.Endpoint(), err)
	}
	p.nodePorts = map[flow.Port]uint16{}
	for i, port := range service.Spec.Ports {
		p.nodePorts[p.pod.Ports[i]] = uint16(port.NodePort)
	}
	for _, ip := range service.Spec.ClusterIPs {
		if addr, err := netip.ParseAddr(ip); err == nil {
			p.services = append(p.services, addr)
		}
	}
	return nil
}

func (s *Stage) startPod(ctx context.Context, p *podState) error {
	if p.pod.Node > len(s.nodes) {
		return fmt.Errorf("placing pod %q: it wants node %d, the cluster has %d", p.pod.Endpoint(), p.pod.Node, len(s.nodes))
	}
	node := s.cluster.Nodes()[s.nodes[p.pod.Node-1]].Name
	object := probePod(p.pod, p.labels, node, s.cluster.Description().AgentImage)
	if s.topology.Direct { // no Service selects it, and there are pods without any label
		delete(object.Labels, labelPod)
	}
	if s.raw() {
		allowRawSockets(object)
	}
	if slices.Contains(s.topology.Completing, p.pod.Endpoint()) {
		object.Spec.RestartPolicy = corev1.RestartPolicyNever
	}
	if p.pod.HostNetwork {
		onHost(object)
	}
	if s.lingers(p.pod.Endpoint()) {
		linger(object)
	}
	if s.topology.Readiness {
		probeReadiness(object, p.pod.Ports)
	}
	gated := slices.Contains(s.topology.Gated, p.pod.Endpoint())
	if gated {
		gate(object)
	}
	p.debut.prepare(object)
	if err := createWithAccount(ctx, s.api.CoreV1().Pods(s.real(p.pod.Namespace)), object); err != nil {
		return fmt.Errorf("creating pod %q: %w", p.pod.Endpoint(), err)
	}
	p.unready = false
	if gated {
		return s.open(ctx, p.pod.Endpoint(), true)
	}
	return nil
}

// raw reports whether the stage's pods need raw sockets: those that serve SCTP, and
// so all that dial them.
func (s *Stage) raw() bool {
	if !slices.Contains(s.cluster.Description().Protocols, flow.SCTP) {
		return false
	}
	return slices.ContainsFunc(s.topology.Pods, func(p scenario.Pod) bool {
		return slices.ContainsFunc(p.Ports, func(port flow.Port) bool { return port.Protocol == flow.SCTP })
	})
}

// allowRawSockets gives the agent CAP_NET_RAW. Kubernetes can give a capability to
// root only; the agent gives up everything else, and this too once its sockets are open.
func allowRawSockets(pod *corev1.Pod) {
	no, root := false, int64(0)
	pod.Spec.SecurityContext.RunAsNonRoot, pod.Spec.SecurityContext.RunAsUser = &no, &root
	pod.Spec.Containers[0].SecurityContext.Capabilities.Add = []corev1.Capability{"NET_RAW"}
}

// probePod is a pod that runs nothing but the agent, without any privilege.
func probePod(p scenario.Pod, labels map[string]string, node, image string) *corev1.Pod {
	yes, user := true, cluster.Unprivileged
	pod := cluster.AgentPod(p.Name, node, image)
	pod.Labels = map[string]string{labelPod: p.Name}
	maps.Copy(pod.Labels, labels)
	pod.Spec.SecurityContext.RunAsNonRoot, pod.Spec.SecurityContext.RunAsUser = &yes, &user
	agent := &pod.Spec.Containers[0]
	agent.Env = []corev1.EnvVar{
		fieldEnv("POD_NAMESPACE", "metadata.namespace"),
		fieldEnv("POD_NAME", "metadata.name"),
		fieldEnv("POD_UID", "metadata.uid"),
		{Name: "CNIPROOF_IDENTITY", Value: "$(POD_NAMESPACE)/$(POD_NAME)/$(POD_UID)"},
	}
	agent.Ports = containerPorts(slices.DeleteFunc(slices.Clone(p.Ports), func(port flow.Port) bool {
		return slices.Contains(p.Sidecar, port) || slices.Contains(p.InitSidecar, port)
	}))
	agent.SecurityContext.ReadOnlyRootFilesystem = &yes
	if len(p.InitSidecar) > 0 {
		always := corev1.ContainerRestartPolicyAlways
		c := sidecar(*agent, "init-sidecar", p.InitSidecar)
		c.RestartPolicy = &always
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, c)
	}
	if len(p.Sidecar) > 0 {
		pod.Spec.Containers = append(pod.Spec.Containers, sidecar(*agent, "sidecar", p.Sidecar))
	}
	return pod
}

// sidecar is a further container, which declares ports and does nothing: all containers of
// a pod share its network, and the agent serves these ports too.
func sidecar(agent corev1.Container, name string, ports []flow.Port) corev1.Container {
	c := *agent.DeepCopy()
	c.Name, c.Ports = name, containerPorts(ports)
	c.Env = []corev1.EnvVar{{Name: "CNIPROOF_IDENTITY", Value: name}, {Name: cluster.SocketVariable, Value: "cniproof-" + name}}
	return c
}

// probeReadiness has the kubelet try the pod's first TCP port every second. Three failures
// in a row take the pod out of its Service. The agent serves that port without being told,
// for it is told only when the pod is ready.
func probeReadiness(pod *corev1.Pod, ports []flow.Port) {
	i := slices.IndexFunc(ports, func(p flow.Port) bool { return p.Protocol == flow.TCP })
	if i < 0 {
		return
	}
	agent := &pod.Spec.Containers[0]
	agent.Args = append(agent.Args, "--serve", fmt.Sprintf("tcp/%d", ports[i].Number))
	agent.ReadinessProbe = &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(int32(ports[i].Number))}},
		PeriodSeconds: 1, TimeoutSeconds: 1, FailureThreshold: 3,
	}
}

func fieldEnv(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
}

func containerPorts(ports []flow.Port) []corev1.ContainerPort {
	list := make([]corev1.ContainerPort, len(ports))
	for i, p := range ports {
		list[i] = corev1.ContainerPort{Name: p.Name, ContainerPort: int32(p.Number), Protocol: corev1.Protocol(p.Protocol.String())}
	}
	return list
}

// service makes every port of a pod reachable by ClusterIP, a named one by its name, and
// on every node where the topology says so. Its ports are in the order of the pod's.
func (s *Stage) service(p scenario.Pod) *corev1.Service {
	dual := corev1.IPFamilyPolicyPreferDualStack
	object := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{labelPod: p.Name}, IPFamilyPolicy: &dual},
	}
	if s.topology.NodePort {
		object.Spec.Type = corev1.ServiceTypeNodePort
	}
	for _, port := range p.Ports {
		target := intstr.FromInt32(int32(port.Number))
		if port.Name != "" {
			target = intstr.FromString(port.Name)
		}
		object.Spec.Ports = append(object.Spec.Ports, corev1.ServicePort{
			Name:       strings.ToLower(port.Protocol.String()) + "-" + strconv.Itoa(int(port.Number)),
			Protocol:   corev1.Protocol(port.Protocol.String()),
			Port:       int32(ServicePort(port.Number)),
			TargetPort: target,
		})
	}
	return object
}
