package deploy

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

const (
	// accountTimeout is how long a new namespace may be without its service account: a
	// controller makes it, and is behind where many namespaces are made at once.
	accountTimeout = 30 * time.Second
	accountPause   = 200 * time.Millisecond
)

// createWithAccount creates a pod, again and again while its namespace has no service
// account yet. Whether it has one is not asked for: that would need another right.
func createWithAccount(ctx context.Context, pods corev1client.PodInterface, pod *corev1.Pod) error {
	for began := time.Now(); ; {
		_, err := pods.Create(ctx, pod, metav1.CreateOptions{})
		if !lacksAccount(err) || time.Since(began) > accountTimeout {
			return err
		}
		if pause(ctx, accountPause) != nil {
			return err
		}
	}
}

// lacksAccount recognises the words of the API server's ServiceAccount admission plugin.
func lacksAccount(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "error looking up service account")
}
