package kube

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/cniproof/cniproof/internal/cluster"
)

// What earlier runs were told to keep takes room from later ones, which say so, and of
// nobody else's namespaces and not of their own.
func TestNeighbours(t *testing.T) {
	namespace := func(name string, labels map[string]string) *corev1.Namespace {
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	}
	owned := func(owner string) map[string]string { return map[string]string{cluster.LabelOwner: owner} }
	api := fake.NewClientset(namespace("default", nil), namespace("cniproof-own", owned("own")))
	if got := neighbours(t.Context(), api, "own"); got != "" {
		t.Errorf("alone: %q", got)
	}
	api = fake.NewClientset(namespace("default", nil), namespace("cniproof-own", owned("own")),
		namespace("x", owned("b")), namespace("y", owned("b")), namespace("z", owned("a")))
	got := neighbours(t.Context(), api, "own")
	if !strings.HasPrefix(got, "3 namespaces of other runs") || !strings.HasSuffix(got, "-l 'cniproof.dev/owner in (a,b)'") {
		t.Errorf("got %q", got)
	}
}
