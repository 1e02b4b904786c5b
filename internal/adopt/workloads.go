package adopt

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/flow"
)

// FromPods are the workloads whose pods run. Those that have ended, or are about to,
// have no traffic that a policy could judge.
func FromPods(pods []corev1.Pod) []Workload {
	var list []Workload
	for _, p := range pods {
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed || p.DeletionTimestamp != nil {
			continue
		}
		w := fromPod(p.ObjectMeta, p.Spec, "Pod")
		w.Kind, w.Name = owner(p)
		for _, ip := range p.Status.PodIPs {
			if a, err := netip.ParseAddr(ip.IP); err == nil {
				w.Addresses = append(w.Addresses, a.Unmap())
			}
		}
		list = append(list, w)
	}
	slices.SortStableFunc(list, func(a, b Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return list
}

func fromPod(meta metav1.ObjectMeta, spec corev1.PodSpec, kind string) Workload {
	return Workload{
		Kind: kind, Namespace: meta.Namespace, Name: meta.Name, Labels: meta.Labels,
		Ports: containerPorts(spec), HostNetwork: spec.HostNetwork,
	}
}

// containerPorts are what the pod's containers declare, those of sidecars included.
func containerPorts(spec corev1.PodSpec) []flow.Port {
	containers := slices.Clone(spec.Containers)
	for _, c := range spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			containers = append(containers, c)
		}
	}
	var list []flow.Port
	for _, c := range containers {
		for _, p := range c.Ports {
			protocol, ok := protocolOf(p.Protocol)
			if ok && p.ContainerPort >= 1 && p.ContainerPort <= 65535 {
				list = append(list, flow.Port{Number: uint16(p.ContainerPort), Protocol: protocol, Name: p.Name})
			}
		}
	}
	return list
}

func protocolOf(p corev1.Protocol) (flow.Protocol, bool) {
	switch p {
	case corev1.ProtocolTCP, "":
		return flow.TCP, true
	case corev1.ProtocolUDP:
		return flow.UDP, true
	case corev1.ProtocolSCTP:
		return flow.SCTP, true
	}
	return flow.ProtocolUnknown, false
}

var cronSuffix = regexp.MustCompile(`-\d{6,}$`)

// owner is what a person calls the pod's workload.
func owner(p corev1.Pod) (kind, name string) {
	for _, ref := range p.OwnerReferences {
		switch {
		case ref.Controller == nil || !*ref.Controller:
		case ref.Kind == "ReplicaSet" && p.Labels["pod-template-hash"] != "":
			return "Deployment", strings.TrimSuffix(ref.Name, "-"+p.Labels["pod-template-hash"])
		case ref.Kind == "Job" && cronSuffix.MatchString(ref.Name):
			return "CronJob", cronSuffix.ReplaceAllString(ref.Name, "")
		default:
			return ref.Kind, ref.Name
		}
	}
	return "Pod", p.Name
}
