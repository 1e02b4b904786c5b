package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// Why a pod does not start is said once for each pod, the newest first, and its end is
// what stays of a long story.
func TestPodWarnings(t *testing.T) {
	warning := func(name, pod, message string, age time.Duration) *corev1.Event {
		return &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Namespace: "x", Name: name},
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: pod},
			Type:           corev1.EventTypeWarning, Reason: "FailedCreatePodSandBox", Message: message,
			LastTimestamp: metav1.NewTime(time.Now().Add(-age)),
		}
	}
	long := strings.Repeat("plugin: ", 100) + "no IP addresses available"
	api := fake.NewClientset(
		warning("1", "a", "timed out", time.Hour),
		warning("2", "a", long, time.Second),
		warning("3", "b", "no route", time.Minute),
		warning("4", "c", "of no interest any more", 2*time.Hour),
	)
	got := PodWarnings(t.Context(), api, "x")
	if len(got) != 2 || !strings.HasPrefix(got[0], `pod "a": FailedCreatePodSandBox: plugin: `) || !strings.HasSuffix(got[0], "no IP addresses available") || len(got[0]) > 500 {
		t.Errorf("got %q", got)
	}
	if diff := cmp.Diff([]string{`pod "b": FailedCreatePodSandBox: no route`}, got[1:]); diff != "" {
		t.Errorf("the older one (-want +got):\n%s", diff)
	}
	if got := PodWarnings(t.Context(), api, "y"); len(got) != 0 {
		t.Errorf("of another namespace: %q", got)
	}
}
