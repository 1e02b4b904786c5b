package existing_test

import (
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/cniproof/cniproof/internal/cluster/existing"
)

func TestReaderFindsWhatANamespaceHolds(t *testing.T) {
	at := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name}
	}
	r := existing.NewReader(fake.NewClientset(
		&corev1.Namespace{ObjectMeta: at("", "shop")}, &corev1.Namespace{ObjectMeta: at("", "other")},
		&corev1.Pod{ObjectMeta: at("shop", "web")}, &corev1.Pod{ObjectMeta: at("other", "web")},
		&corev1.Service{ObjectMeta: at("shop", "web")}, &networkingv1.NetworkPolicy{ObjectMeta: at("other", "deny")},
		&corev1.Node{
			ObjectMeta: at("", "node-1"), Spec: corev1.NodeSpec{PodCIDRs: []string{"10.244.1.0/24"}},
			Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: "192.0.2.7"}, {Type: corev1.NodeHostName, Address: "node-1"},
			}},
		},
	))
	namespaces, err := r.Namespaces(t.Context())
	if err != nil || len(namespaces) != 2 {
		t.Fatalf("%d namespaces, %v; want 2", len(namespaces), err)
	}
	for namespace, want := range map[string][3]int{"shop": {1, 1, 0}, "other": {1, 0, 1}, "": {2, 1, 1}} {
		found, err := r.Objects(t.Context(), namespace)
		got := [3]int{len(found.Pods), len(found.Services), len(found.Policies)}
		if err != nil || got != want {
			t.Errorf("%q holds %v pods, Services and policies (%v), want %v", namespace, got, err, want)
		}
	}
	ranges, err := r.Ranges(t.Context())
	want := []netip.Prefix{netip.MustParsePrefix("10.244.1.0/24"), netip.MustParsePrefix("192.0.2.7/32")}
	if err != nil || !slices.Equal(ranges, want) {
		t.Errorf("ranges %v, %v; want %v", ranges, err, want)
	}
	if _, err := r.Namespace(t.Context(), "none"); err == nil || existing.Forbidden(err) {
		t.Errorf("a missing namespace: %v", err)
	}
}
