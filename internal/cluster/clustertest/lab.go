package clustertest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

const (
	podPort       = 80
	serviceOffset = 20000
	podLabel      = "cniproof.dev/pod"
	readyTimeout  = 3 * time.Minute
)

// lab is a namespace with pods a and b on the first node and c on the last, each of
// which serves one port over TCP, UDP and SCTP and has a Service.
type lab struct {
	cluster   cluster.Cluster
	namespace string
	addrs     map[string][]netip.Addr // of pods, by name
	services  map[string][]netip.Addr // ClusterIPs of pods' Services
}

func newLab(t *testing.T, c cluster.Cluster) *lab {
	t.Helper()
	return labIn(t, c, newNamespace(t, c))
}

func labIn(t *testing.T, c cluster.Cluster, namespace string) *lab {
	t.Helper()
	l := &lab{cluster: c, namespace: namespace, addrs: map[string][]netip.Addr{}, services: map[string][]netip.Addr{}}
	nodes := c.Nodes()
	where := map[string]string{"a": nodes[0].Name, "b": nodes[0].Name, "c": nodes[len(nodes)-1].Name}
	for name, node := range where {
		l.createPod(t, name, node)
		l.createService(t, name)
	}
	for name := range where {
		l.awaitPod(t, name)
	}
	return l
}

// newNamespace makes a namespace that is deleted at the end of the test.
func newNamespace(t *testing.T, c cluster.Cluster) string {
	t.Helper()
	name := leaveNamespace(t, c)
	t.Cleanup(func() {
		err := c.Client().CoreV1().Namespaces().Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("deleting namespace %q: %v", name, err)
		}
	})
	return name
}

// leaveNamespace makes a namespace that is left to the cluster's Close.
func leaveNamespace(t *testing.T, c cluster.Cluster) string {
	t.Helper()
	labels := map[string]string{cluster.LabelRun: "clustertest"}
	if owner := c.Description().Owner; owner != "" {
		labels[cluster.LabelOwner] = owner
	}
	ns, err := c.Client().CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "clustertest-", Labels: labels,
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("creating a namespace: %v", err)
	}
	return ns.Name
}

func protocols() []corev1.Protocol {
	return []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}
}

// createPod makes a pod with raw sockets, which Kubernetes gives to root alone, for SCTP.
func (l *lab) createPod(t *testing.T, name, node string, changes ...func(*corev1.PodSpec)) *corev1.Pod {
	t.Helper()
	grace, root := int64(1), int64(0)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{podLabel: name}},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{corev1.LabelHostname: node},
			Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			TerminationGracePeriodSeconds: &grace,
			Containers: []corev1.Container{{
				Name: "agent", Image: l.cluster.Description().AgentImage, Args: []string{"--control", "socket"},
				SecurityContext: &corev1.SecurityContext{
					RunAsUser: &root, Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_RAW"}},
				},
				Env: []corev1.EnvVar{
					{Name: "UID", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.uid"}}},
					{Name: "CNIPROOF_IDENTITY", Value: l.namespace + "/" + name + "/$(UID)"},
				},
			}},
		},
	}
	for _, p := range protocols() {
		pod.Spec.Containers[0].Ports = append(pod.Spec.Containers[0].Ports,
			corev1.ContainerPort{Name: "http-" + strings.ToLower(string(p)), ContainerPort: podPort, Protocol: p})
	}
	for _, change := range changes {
		change(&pod.Spec)
	}
	pod, err := l.cluster.Client().CoreV1().Pods(l.namespace).Create(t.Context(), pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("creating pod %q: %v", name, err)
	}
	return pod
}

// createService makes a Service of the pod: to TCP and UDP by number, to SCTP by name.
func (l *lab) createService(t *testing.T, pod string) {
	t.Helper()
	dual := corev1.IPFamilyPolicyPreferDualStack
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: pod},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{podLabel: pod}, IPFamilyPolicy: &dual},
	}
	for _, p := range protocols() {
		target := intstr.FromInt32(podPort)
		if p == corev1.ProtocolSCTP {
			target = intstr.FromString("http-sctp")
		}
		service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{
			Name: strings.ToLower(string(p)), Port: podPort + serviceOffset, Protocol: p, TargetPort: target,
		})
	}
	service, err := l.cluster.Client().CoreV1().Services(l.namespace).Create(t.Context(), service, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("creating service %q: %v", pod, err)
	}
	l.services[pod] = parseAddrs(t, service.Spec.ClusterIPs)
}

func parseAddrs(t *testing.T, texts []string) []netip.Addr {
	t.Helper()
	var list []netip.Addr
	for _, text := range texts {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			t.Fatalf("address %q: %v", text, err)
		}
		list = append(list, addr)
	}
	return list
}

// awaitPod waits until the pod is ready, notes its addresses and makes it serve.
func (l *lab) awaitPod(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	var pod *corev1.Pod
	eventually(t, l.cluster, readyTimeout, func() (err error) {
		pod, err = l.cluster.Client().CoreV1().Pods(l.namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("pod %q is %s and not ready: %+v", name, pod.Status.Phase, pod.Status.ContainerStatuses)
	})
	var ips []string
	for _, ip := range pod.Status.PodIPs {
		ips = append(ips, ip.IP)
	}
	// A plugin may give pods more than the cluster has a use for.
	l.addrs[name] = slices.DeleteFunc(parseAddrs(t, ips), func(a netip.Addr) bool {
		return !slices.Contains(l.cluster.Description().Families, flow.FamilyOf(a))
	})
	serve(t, l.cluster, l.pod(name), podPort)
	return pod
}

func (l *lab) pod(name string) flow.Endpoint { return flow.Pod(l.namespace, name) }

// eventually tries again and again, at the cluster's pace, until f has no error.
func eventually(t *testing.T, c cluster.Cluster, limit time.Duration, f func() error) {
	t.Helper()
	tick := time.NewTicker(c.Description().Pace.Poll)
	defer tick.Stop()
	for end := time.Now().Add(limit); ; {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %s: %v", limit, err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal(errors.Join(t.Context().Err(), err))
		}
	}
}

// attach opens a control stream for the length of the test.
func attach(t *testing.T, c cluster.Cluster, e flow.Endpoint) *probes.Client {
	t.Helper()
	stream, err := c.Attach(t.Context(), e)
	if err != nil {
		t.Fatalf("attaching to %s: %v", e, err)
	}
	client := probes.NewClient(stream)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// serve makes an endpoint serve a port over every protocol.
func serve(t *testing.T, c cluster.Cluster, e flow.Endpoint, port uint16) {
	t.Helper()
	var ports []probes.Port
	for _, kind := range kinds() {
		ports = append(ports, probes.Port{Kind: kind, Number: port})
	}
	client := attach(t, c, e)
	if err := client.Serve(t.Context(), ports); err != nil {
		t.Fatalf("serving port %d on %s: %v", port, e, err)
	}
	_ = client.Close()
}

func kinds() []probes.Kind { return []probes.Kind{probes.KindTCP, probes.KindUDP, probes.KindSCTP} }

// identity is what the agent of an endpoint sends, but for a pod's UID.
func identity(e flow.Endpoint) string {
	switch e.Kind {
	case flow.KindPod:
		return e.Namespace + "/" + e.Name + "/"
	case flow.KindExternal:
		return "external/" + e.Name
	case flow.KindNode:
		return "node/" + e.Name
	case flow.KindDNS, flow.KindUnknown:
	}
	return "nobody"
}
