package cli

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/cniproof/cniproof/internal/adopt"
	"github.com/cniproof/cniproof/internal/cluster/existing"
)

// The pods of another namespace take part where a policy names them, and what
// cniproof itself has on the cluster never does.
func TestAClusterIsReadWithTheNeighboursThatPoliciesName(t *testing.T) {
	meta := func(namespace, name string, labels map[string]string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}
	}
	r := existing.NewReader(fake.NewClientset(
		&corev1.Namespace{ObjectMeta: meta("", "shop", nil)},
		&corev1.Namespace{ObjectMeta: meta("", "monitoring", map[string]string{"purpose": "monitoring"})},
		&corev1.Namespace{ObjectMeta: meta("", "other", nil)},
		&corev1.Namespace{ObjectMeta: meta("", "cniproof-1", map[string]string{"purpose": "monitoring", "cniproof.dev/run": "1"})},
		&corev1.Pod{ObjectMeta: meta("shop", "db", map[string]string{"app": "db"})},
		&corev1.Pod{ObjectMeta: meta("monitoring", "prometheus", map[string]string{"app": "prometheus"})},
		&corev1.Pod{ObjectMeta: meta("other", "db", nil)},
		&corev1.Pod{ObjectMeta: meta("cniproof-1", "probe", nil)},
		&networkingv1.NetworkPolicy{ObjectMeta: meta("shop", "db", nil), Spec: networkingv1.NetworkPolicySpec{
			Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{
				{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"purpose": "monitoring"}}},
			}}},
		}},
	))
	objects, err := readCluster(t.Context(), r, []string{"shop"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range objects.Workloads {
		got = append(got, w.Namespace+"/"+w.Name)
	}
	if want := []string{"shop/db", "monitoring/prometheus"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	if _, err := adopt.Import(objects, adopt.Options{Name: "shop", Source: "a cluster", Namespaces: []string{"shop"}}); err != nil {
		t.Error(err)
	}
	if _, err := readCluster(t.Context(), r, []string{"shop", "shopp"}); err == nil {
		t.Error("a namespace that is not there was read")
	}
}
