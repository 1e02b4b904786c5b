package clustertest

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/cniproof/cniproof/internal/cluster"
)

// testObjects creates, changes, watches and deletes a policy and a namespace's labels.
func testObjects(t *testing.T, c cluster.Cluster) {
	namespace := newNamespace(t, c)
	ns, err := c.Client().CoreV1().Namespaces().Patch(t.Context(), namespace, types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"k":"v"}}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if ns.Labels["k"] != "v" || ns.Labels[corev1.LabelMetadataName] != namespace {
		t.Errorf("the namespace has the labels %v", ns.Labels)
	}
	policies := c.Client().NetworkingV1().NetworkPolicies(namespace)
	list, err := policies.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	created, err := policies.Create(t.Context(), denyAll(), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if created.UID == "" || created.ResourceVersion == "" || len(created.Spec.PolicyTypes) != 1 {
		t.Errorf("created: %+v", created)
	}
	if _, err := policies.Create(t.Context(), denyAll(), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("creating it again: %v", err)
	}
	created.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{}}
	updated, err := policies.Update(t.Context(), created, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if updated.Generation != created.Generation+1 || updated.UID != created.UID {
		t.Errorf("updated: %+v", updated.ObjectMeta)
	}
	if err := policies.Delete(t.Context(), created.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := policies.Get(t.Context(), created.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("getting it after its deletion: %v", err)
	}
	testWatch(t, c, namespace, list.ResourceVersion)
}

// testWatch checks that a watch begins where the list ended.
func testWatch(t *testing.T, c cluster.Cluster, namespace, since string) {
	t.Helper()
	w, err := c.Client().NetworkingV1().NetworkPolicies(namespace).Watch(t.Context(), metav1.ListOptions{ResourceVersion: since})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	for _, want := range []watch.EventType{watch.Added, watch.Modified, watch.Deleted} {
		select {
		case e := <-w.ResultChan():
			if e.Type != want {
				t.Errorf("the watch says %s, want %s", e.Type, want)
			}
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

func denyAll() *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "deny-all"}}
}

func testInvalidPolicy(t *testing.T, c cluster.Cluster) {
	bad := denyAll()
	bad.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{
		From: []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"11.0.0.0/16"}}}},
	}}
	_, err := c.Client().NetworkingV1().NetworkPolicies(newNamespace(t, c)).Create(t.Context(), bad, metav1.CreateOptions{})
	if !apierrors.IsInvalid(err) {
		t.Errorf("an exception outside of its block: %v", err)
	}
}

// isolate applies a policy under which no pod of the lab takes connections. The
// function that it returns removes the policy.
func (l *lab) isolate(t *testing.T) (undo func()) {
	t.Helper()
	policies := l.cluster.Client().NetworkingV1().NetworkPolicies(l.namespace)
	if _, err := policies.Create(t.Context(), denyAll(), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := policies.Delete(t.Context(), "deny-all", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// blocked checks that nothing of the pod can be reached, soon.
func (l *lab) blocked(t *testing.T, from, to string) {
	t.Helper()
	eventually(t, l.cluster, l.cluster.Description().Pace.Within, func() error {
		return try(t, l.cluster, l.pod(from), false, l.targets(to)...)
	})
}

func testPolicy(t *testing.T, l *lab) {
	undo := l.isolate(t)
	l.blocked(t, "a", "b")
	l.blocked(t, "a", "c")
	undo()
	reach(t, l.cluster, l.pod("a"), append(l.targets("b"), l.targets("c")...)...)
}

// testRestart checks that policies survive a restart of the implementation and that
// changes still take effect afterwards.
func testRestart(t *testing.T, l *lab) {
	if reason, lacks := l.cluster.Description().Lacks["restart"]; lacks {
		t.Skip(reason)
	}
	undo := l.isolate(t)
	l.blocked(t, "a", "b")
	if err := l.cluster.RestartCNI(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	l.blocked(t, "a", "b")
	undo()
	reach(t, l.cluster, l.pod("a"), l.targets("b")...)
	undo = l.isolate(t)
	l.blocked(t, "c", "b")
	undo()
	reach(t, l.cluster, l.pod("c"), l.targets("b")...)
}

// testRecreate checks that a pod which is created again under its name, while a policy
// holds, is another pod and is isolated as the first was.
func testRecreate(t *testing.T, l *lab) {
	undo := l.isolate(t)
	l.blocked(t, "a", "b")
	pods := l.cluster.Client().CoreV1().Pods(l.namespace)
	old, err := pods.Get(t.Context(), "b", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stream := attach(t, l.cluster, l.pod("b"))
	if err := pods.Delete(t.Context(), "b", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, l.cluster, readyTimeout, func() error {
		if _, err := pods.Get(t.Context(), "b", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the old pod is still there: %w", err)
		}
		return nil
	})
	if _, err := stream.Ping(t.Context()); err == nil {
		t.Error("the agent of a pod that is gone still answers")
	}
	l.createPod(t, "b", old.Spec.NodeSelector[corev1.LabelHostname])
	pod := l.awaitPod(t, "b")
	if pod.UID == old.UID {
		t.Errorf("the new pod has the old UID %s", pod.UID)
	}
	pong, err := attach(t, l.cluster, l.pod("b")).Ping(t.Context())
	if err != nil || !strings.HasSuffix(pong.Identity, string(pod.UID)) {
		t.Errorf("the agent of pod %s says %+v, %v", pod.UID, pong, err)
	}
	l.blocked(t, "a", "b")
	undo()
	reach(t, l.cluster, l.pod("a"), l.targets("b")...)
}

// testNamespaceDeletion comes last: the lab is gone then.
func testNamespaceDeletion(t *testing.T, l *lab) {
	api := l.cluster.Client()
	if err := api.CoreV1().Namespaces().Delete(t.Context(), l.namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := api.CoreV1().Pods(l.namespace).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "late"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent"}}},
	}, metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) && !apierrors.IsNotFound(err) {
		t.Errorf("creating a pod in a namespace that goes: %v", err)
	}
	eventually(t, l.cluster, readyTimeout, func() error {
		if _, err := api.CoreV1().Namespaces().Get(t.Context(), l.namespace, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("namespace %q is still there: %w", l.namespace, err)
		}
		return nil
	})
	pods, err := api.CoreV1().Pods(l.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) > 0 {
		t.Errorf("%d pods are left, %v", len(pods.Items), err)
	}
	services, err := api.CoreV1().Services(l.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(services.Items) > 0 {
		t.Errorf("%d services are left, %v", len(services.Items), err)
	}
}
