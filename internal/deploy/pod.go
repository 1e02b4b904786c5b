package deploy

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/e2e-framework/klient/wait"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// podTimeout is how long a probe pod may take to be ready, or to be gone.
const podTimeout = 3 * time.Minute

func (s *Stage) createPod(ctx context.Context, p scenario.Pod) error {
	state := &podState{pod: p, labels: maps.Clone(p.Labels)}
	s.pods[p.Endpoint()] = state
	if err := s.startPod(ctx, state); err != nil {
		return err
	}
	if len(p.Ports) == 0 {
		return nil
	}
	service, err := s.api.CoreV1().Services(s.real(p.Namespace)).Create(ctx, service(p), metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("creating service %q of pod %q: %w", p.Name, p.Endpoint(), err)
	}
	for _, ip := range service.Spec.ClusterIPs {
		if addr, err := netip.ParseAddr(ip); err == nil {
			state.services = append(state.services, addr)
		}
	}
	return nil
}

func (s *Stage) startPod(ctx context.Context, p *podState) error {
	nodes := s.cluster.Nodes()
	if p.pod.Node > len(nodes) {
		return fmt.Errorf("placing pod %q: it wants node %d, the cluster has %d", p.pod.Endpoint(), p.pod.Node, len(nodes))
	}
	object := probePod(p.pod, p.labels, nodes[p.pod.Node-1].Name, s.cluster.Description().AgentImage)
	if _, err := s.api.CoreV1().Pods(s.real(p.pod.Namespace)).Create(ctx, object, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating pod %q: %w", p.pod.Endpoint(), err)
	}
	return nil
}

// probePod is a pod that runs nothing but the agent, without any privilege.
func probePod(p scenario.Pod, labels map[string]string, node, image string) *corev1.Pod {
	all := map[string]string{labelPod: p.Name}
	maps.Copy(all, labels)
	no, yes, grace, user := false, true, int64(1), int64(65534)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Labels: all},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{corev1.LabelHostname: node},
			Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			AutomountServiceAccountToken:  &no,
			EnableServiceLinks:            &no,
			TerminationGracePeriodSeconds: &grace,
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot:   &yes,
				RunAsUser:      &user,
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name:  "agent",
				Image: image,
				Args:  []string{"--control", "socket"},
				Env: []corev1.EnvVar{
					fieldEnv("POD_NAMESPACE", "metadata.namespace"),
					fieldEnv("POD_NAME", "metadata.name"),
					fieldEnv("POD_UID", "metadata.uid"),
					{Name: "CNIPROOF_IDENTITY", Value: "$(POD_NAMESPACE)/$(POD_NAME)/$(POD_UID)"},
				},
				Ports: containerPorts(p.Ports),
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no,
					ReadOnlyRootFilesystem:   &yes,
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
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

// service makes every port of a pod reachable by ClusterIP, a named one by its name.
func service(p scenario.Pod) *corev1.Service {
	dual := corev1.IPFamilyPolicyPreferDualStack
	object := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{labelPod: p.Name}, IPFamilyPolicy: &dual},
	}
	for _, port := range p.Ports {
		target := intstr.FromInt32(int32(port.Number))
		if port.Name != "" {
			target = intstr.FromString(port.Name)
		}
		object.Spec.Ports = append(object.Spec.Ports, corev1.ServicePort{
			Name:       strings.ToLower(port.Protocol.String()) + "-" + strconv.Itoa(int(port.Number)),
			Protocol:   corev1.Protocol(port.Protocol.String()),
			Port:       int32(port.Number) + ServiceOffset,
			TargetPort: target,
		})
	}
	return object
}

func (s *Stage) awaitPods(ctx context.Context) error {
	for e, p := range s.pods {
		if err := s.awaitPod(ctx, p); err != nil {
			return fmt.Errorf("waiting for pod %q to be ready: %w", e, err)
		}
	}
	return nil
}

func (s *Stage) awaitPod(ctx context.Context, p *podState) error {
	return s.until(ctx, func(ctx context.Context) (bool, error) {
		pod, err := s.api.CoreV1().Pods(s.real(p.pod.Namespace)).Get(ctx, p.pod.Name, metav1.GetOptions{})
		if err != nil || !ready(pod) {
			return false, err
		}
		p.uid, p.addrs = string(pod.UID), nil
		for _, ip := range pod.Status.PodIPs {
			if addr, err := netip.ParseAddr(ip.IP); err == nil {
				p.addrs = append(p.addrs, addr)
			}
		}
		return len(p.addrs) > 0, nil
	})
}

func ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// until polls at the cluster's pace.
func (s *Stage) until(ctx context.Context, condition func(context.Context) (bool, error)) error {
	return wait.For(condition,
		wait.WithContext(ctx), wait.WithImmediate(),
		wait.WithInterval(s.cluster.Description().Pace.Poll), wait.WithTimeout(podTimeout))
}

// recreate deletes a pod, waits until it is gone and starts another one of the same name.
func (s *Stage) recreate(ctx context.Context, e flow.Endpoint) error {
	p := s.pods[e]
	pods := s.api.CoreV1().Pods(s.real(e.Namespace))
	if err := pods.Delete(ctx, e.Name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("deleting pod %q: %w", e, err)
	}
	err := s.until(ctx, func(ctx context.Context) (bool, error) {
		pod, err := pods.Get(ctx, e.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return err == nil && string(pod.UID) != p.uid, err
	})
	if err != nil {
		return fmt.Errorf("waiting for pod %q to be gone: %w", e, err)
	}
	if err := s.startPod(ctx, p); err != nil {
		return err
	}
	if err := s.awaitPod(ctx, p); err != nil {
		return fmt.Errorf("waiting for the new pod %q: %w", e, err)
	}
	return nil
}
