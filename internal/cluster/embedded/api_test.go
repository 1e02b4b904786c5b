package embedded

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

func newTestAPI(t *testing.T) (*api, kubernetes.Interface) {
	t.Helper()
	begin := time.Now()
	a := newAPI(true, false)
	c := a.client()
	t.Cleanup(a.close)
	if took := time.Since(begin); took > 50*time.Millisecond {
		t.Errorf("making the API took %s", took)
	}
	if _, err := c.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "x"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return a, c
}

func testPod(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"pod": name}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "agent", Image: "agent",
			Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 80}},
		}}},
	}
}

func TestAPICompletesObjects(t *testing.T) {
	_, c := newTestAPI(t)
	ns, err := c.CoreV1().Namespaces().Get(t.Context(), "x", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if ns.Labels[corev1.LabelMetadataName] != "x" || ns.Status.Phase != corev1.NamespaceActive || ns.UID == "" || ns.ResourceVersion == "" {
		t.Errorf("namespace: %+v", ns)
	}
	pod, err := c.CoreV1().Pods("x").Create(t.Context(), testPod("a"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if pod.UID == "" || pod.Generation != 1 || pod.CreationTimestamp.IsZero() || pod.Status.Phase != corev1.PodPending || pod.Spec.RestartPolicy != corev1.RestartPolicyAlways {
		t.Errorf("pod: %+v", pod)
	}
	if got := pod.Spec.Containers[0].Ports[0].Protocol; got != corev1.ProtocolTCP {
		t.Errorf("port protocol %q", got)
	}
	policy, err := c.NetworkingV1().NetworkPolicies("x").Create(t.Context(),
		&networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{GenerateName: "p-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(policy.Name, "p-") || len(policy.Name) != 7 {
		t.Errorf("generated name %q", policy.Name)
	}
	if len(policy.Spec.PolicyTypes) != 1 {
		t.Errorf("policy types %v", policy.Spec.PolicyTypes)
	}
	dual := corev1.IPFamilyPolicyPreferDualStack
	for name, want := range map[string]int{"single": 1, "dual": 2} {
		s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
		if name == "dual" {
			s.Spec.IPFamilyPolicy = &dual
		}
		s, err := c.CoreV1().Services("x").Create(t.Context(), s, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Spec.ClusterIPs) != want || s.Spec.ClusterIP != s.Spec.ClusterIPs[0] || s.Spec.Ports[0].TargetPort.IntVal != 80 {
			t.Errorf("%s service: %+v", name, s.Spec)
		}
	}
}

func TestFaultKeepsPolicyTypes(t *testing.T) {
	a := newAPI(true, true)
	defer a.close()
	c := a.client()
	if _, err := c.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "x"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	policy, err := c.NetworkingV1().NetworkPolicies("x").Create(t.Context(),
		&networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}}, metav1.CreateOptions{})
	if err != nil || len(policy.Spec.PolicyTypes) != 0 {
		t.Errorf("policy types %v, %v", policy.Spec.PolicyTypes, err)
	}
}

func TestAPIRefuses(t *testing.T) {
	_, c := newTestAPI(t)
	ctx := t.Context()
	create := func(ns string, change func(*corev1.Pod)) error {
		pod := testPod("a")
		change(pod)
		_, err := c.CoreV1().Pods(ns).Create(ctx, pod, metav1.CreateOptions{})
		return err
	}
	bad := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}}
	bad.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "nonsense"}}}}}
	_, badPolicy := c.NetworkingV1().NetworkPolicies("x").Create(ctx, bad, metav1.CreateOptions{})
	_, absent := c.CoreV1().Pods("x").Get(ctx, "nobody", metav1.GetOptions{})
	for name, test := range map[string]struct {
		err  error
		want func(error) bool
	}{
		"no such namespace": {create("y", func(*corev1.Pod) {}), apierrors.IsNotFound},
		"bad name":          {create("x", func(p *corev1.Pod) { p.Name = "No Name" }), apierrors.IsInvalid},
		"bad label":         {create("x", func(p *corev1.Pod) { p.Labels["a b"] = "" }), apierrors.IsInvalid},
		"no container":      {create("x", func(p *corev1.Pod) { p.Spec.Containers = nil }), apierrors.IsInvalid},
		"bad port":          {create("x", func(p *corev1.Pod) { p.Spec.Containers[0].Ports[0].ContainerPort = 70000 }), apierrors.IsInvalid},
		"bad gate":          {create("x", func(p *corev1.Pod) { p.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "a b"}} }), apierrors.IsInvalid},
		"bad policy":        {badPolicy, apierrors.IsInvalid},
		"absent pod":        {absent, apierrors.IsNotFound},
		"first":             {create("x", func(*corev1.Pod) {}), func(err error) bool { return err == nil }},
	} {
		if !test.want(test.err) {
			t.Errorf("%s: %v", name, test.err)
		}
	}
	if err := create("x", func(*corev1.Pod) {}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("the second pod of one name: %v", err)
	}
	pod, err := c.CoreV1().Pods("x").Get(ctx, "a", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod.ResourceVersion = "1"
	if _, err := c.CoreV1().Pods("x").Update(ctx, pod, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("a stale update: %v", err)
	}
	pod.ResourceVersion = ""
	pod.Spec.Containers[0].Ports[0].ContainerPort = 81
	if _, err := c.CoreV1().Pods("x").Update(ctx, pod, metav1.UpdateOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("a changed pod spec: %v", err)
	}
}

func TestAPIPatchesLabels(t *testing.T) {
	_, c := newTestAPI(t)
	ctx := t.Context()
	before, err := c.CoreV1().Pods("x").Create(ctx, testPod("a"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	after, err := c.CoreV1().Pods("x").Patch(ctx, "a", types.MergePatchType, []byte(`{"metadata":{"labels":{"pod":null,"k":"v"}}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(after.Labels) != 1 || after.Labels["k"] != "v" || after.UID != before.UID || after.Generation != 1 || after.ResourceVersion == before.ResourceVersion {
		t.Errorf("patched: %+v", after.ObjectMeta)
	}
	_, err = c.CoreV1().Pods("x").Patch(ctx, "a", types.MergePatchType, []byte(`{"metadata":{"labels":{"a b":"v"}}}`), metav1.PatchOptions{})
	if !apierrors.IsInvalid(err) {
		t.Errorf("a bad label: %v", err)
	}
	ns, err := c.CoreV1().Namespaces().Patch(ctx, "x", types.StrategicMergePatchType, []byte(`{"metadata":{"labels":{"k":"v"}}}`), metav1.PatchOptions{})
	if err != nil || ns.Labels["k"] != "v" || ns.Labels[corev1.LabelMetadataName] != "x" {
		t.Errorf("patched namespace: %+v, %v", ns, err)
	}
}

func TestWatchMissesNothing(t *testing.T) {
	_, c := newTestAPI(t)
	ctx := t.Context()
	list, err := c.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// More than client-go's own watch can hold, before and after the watch begins.
	const n = 300
	for i := range n {
		if i == n/2 {
			if _, err := c.CoreV1().Pods("x").Create(ctx, testPod("a"), metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if i == n/2+1 {
			labels := []byte(`{"metadata":{"labels":{"pod":"other"}}}`)
			if _, err := c.CoreV1().Pods("x").Patch(ctx, "a", types.MergePatchType, labels, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		pod := testPod("")
		pod.GenerateName = "many-"
		if _, err := c.CoreV1().Pods("x").Create(ctx, pod, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	all := events(t, c, metav1.ListOptions{ResourceVersion: list.ResourceVersion}, n+2)
	if all[watch.Added] != n+1 || all[watch.Modified] != 1 {
		t.Errorf("events: %v", all)
	}
	// The pod that lost its label is gone for a watch that asks for it.
	some := events(t, c, metav1.ListOptions{ResourceVersion: list.ResourceVersion, LabelSelector: "pod=a"}, 2)
	if some[watch.Added] != 1 || some[watch.Deleted] != 1 {
		t.Errorf("selected events: %v", some)
	}
	if now := events(t, c, metav1.ListOptions{FieldSelector: "metadata.name=a"}, 1); now[watch.Added] != 1 {
		t.Errorf("events from now: %v", now)
	}
}

// events counts the first n events of a watch by type.
func events(t *testing.T, c kubernetes.Interface, opts metav1.ListOptions, n int) map[watch.EventType]int {
	t.Helper()
	w, err := c.CoreV1().Pods("").Watch(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	count := map[watch.EventType]int{}
	for range n {
		select {
		case e := <-w.ResultChan():
			count[e.Type]++
		case <-ctx.Done():
			t.Fatalf("only %v of %d events", count, n)
		}
	}
	return count
}

func TestNamespaceGoesWhenItIsEmpty(t *testing.T) {
	a, c := newTestAPI(t)
	ctx := t.Context()
	pod, err := c.CoreV1().Pods("x").Create(ctx, testPod("a"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CoreV1().Services("x").Create(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "s"},
		Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.CoreV1().Namespaces().Delete(ctx, "x", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	ns, err := c.CoreV1().Namespaces().Get(ctx, "x", metav1.GetOptions{})
	if err != nil || ns.Status.Phase != corev1.NamespaceTerminating {
		t.Errorf("while its pod stops: %v, %v", ns.Status.Phase, err)
	}
	_, err = c.CoreV1().Pods("x").Create(ctx, testPod("b"), metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) || !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		t.Errorf("a pod in a namespace that goes: %v", err)
	}
	if _, err := c.CoreV1().Services("x").Get(ctx, "s", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the service: %v", err)
	}
	if err := a.removePod("x", "a", pod.UID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CoreV1().Namespaces().Get(ctx, "x", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("when its pod is gone: %v", err)
	}
}
