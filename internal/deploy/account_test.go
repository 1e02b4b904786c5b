package deploy

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// TestPodsWaitForTheServiceAccount has an API server refuse pods, for that reason, for
// another one, and for ever.
func TestPodsWaitForTheServiceAccount(t *testing.T) {
	none := errors.New(`error looking up service account x/default: serviceaccount "default" not found`)
	for name, c := range map[string]struct {
		why          error
		refusals     int
		tries        int
		patience     time.Duration
		wantsRefusal bool
	}{
		"at once":         {none, 0, 1, time.Minute, false},
		"after a while":   {none, 3, 4, time.Minute, false},
		"for another one": {errors.New("exceeded quota"), 3, 1, time.Minute, true},
		"interrupted":     {none, 1000, 1, accountPause / 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			client, tries := fake.NewClientset(), 0
			client.PrependReactor("create", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
				tries++
				return tries <= c.refusals, nil, apierrors.NewForbidden(corev1.Resource("pods"), "p", c.why)
			})
			ctx, cancel := context.WithTimeout(t.Context(), c.patience)
			defer cancel()
			err := createWithAccount(ctx, client.CoreV1().Pods("x"), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}})
			if (err != nil) != c.wantsRefusal || tries != c.tries {
				t.Errorf("%d tries, want %d; %s", tries, c.tries, fmt.Sprint(err))
			}
		})
	}
}
