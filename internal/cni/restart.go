package cni

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Restart deletes the pods of the entry's agent, all at once, and returns when other
// ones are ready on as many nodes. Deleting pods works with every update strategy
// and leaves the DaemonSet as it was.
func Restart(ctx context.Context, api kubernetes.Interface, e Entry) error {
	r, err := e.Agent.rollout(ctx, api)
	if err != nil {
		return fmt.Errorf("restarting %s: %w", e.Name, err)
	}
	pods, err := podsOf(ctx, api, e.Agent.Namespace, r.selector)
	if err != nil {
		return fmt.Errorf("restarting %s: %w", e.Name, err)
	}
	old := map[types.UID]bool{}
	for _, p := range pods {
		old[p.UID] = true
		uid := p.UID
		err := api.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("restarting %s: deleting pod %q: %w", e.Name, p.Name, err)
		}
	}
	why := ""
	err = until(ctx, forever, func(ctx context.Context) (bool, error) {
		now, err := podsOf(ctx, api, e.Agent.Namespace, r.selector)
		if err != nil {
			why = err.Error()
			return false, nil //nolint:nilerr // an API server that is away may come back
		}
		fresh, left := freshReady(now, old)
		why = fmt.Sprintf("%d of %d pods are ready again, %d old ones are left%s", fresh, len(old), left, whyPods(now))
		return left == 0 && fresh >= len(old), nil
	})
	if err != nil {
		return fmt.Errorf("restarting %s: %w: %s", e.Name, err, why)
	}
	return nil
}

// freshReady counts the ready pods that are not old, and the old ones.
func freshReady(pods []corev1.Pod, old map[types.UID]bool) (fresh, left int) {
	for _, p := range pods {
		switch {
		case old[p.UID]:
			left++
		case isReady(p):
			fresh++
		}
	}
	return fresh, left
}

func isReady(p corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
		}
	}
	return false
}
