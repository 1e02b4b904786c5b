package cni

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Restart deletes the pods of the entry's agent, all at once, and returns when other
// ones are ready on as many nodes. When the old ones are gone it calls meanwhile, unless
// that is nil. Deleting pods works with every update strategy and leaves the DaemonSet as it was.
func Restart(ctx context.Context, api kubernetes.Interface, e Entry, meanwhile func(context.Context) error) error {
	if err := restart(ctx, api, e, meanwhile); err != nil {
		return fmt.Errorf("restarting %s: %w", e.Name, err)
	}
	return nil
}

func restart(ctx context.Context, api kubernetes.Interface, e Entry, meanwhile func(context.Context) error) error {
	r, err := e.Agent.rollout(ctx, api)
	if err != nil {
		return err
	}
	a := agents{api: api, namespace: e.Agent.Namespace, selector: r.selector}
	old, err := a.end(ctx)
	if err != nil {
		return err
	}
	if meanwhile != nil {
		if err := a.await(ctx, old, 0); err != nil {
			return err
		}
		err = meanwhile(ctx)
	}
	return errors.Join(err, a.await(ctx, old, len(old)))
}

// agents are the pods of a plugin's agent.
type agents struct {
	api       kubernetes.Interface
	namespace string
	selector  *metav1.LabelSelector
}

// end deletes those that are there, and returns them.
func (a agents) end(ctx context.Context) (map[types.UID]bool, error) {
	pods, err := podsOf(ctx, a.api, a.namespace, a.selector)
	if err != nil {
		return nil, err
	}
	old := map[types.UID]bool{}
	for _, p := range pods {
		old[p.UID] = true
		uid := p.UID
		err := a.api.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("deleting pod %q: %w", p.Name, err)
		}
	}
	return old, nil
}

// await returns when none of the old pods is left and so many others are ready.
func (a agents) await(ctx context.Context, old map[types.UID]bool, ready int) error {
	why := ""
	err := until(ctx, forever, func(ctx context.Context) (bool, error) {
		now, err := podsOf(ctx, a.api, a.namespace, a.selector)
		if err != nil {
			why = err.Error()
			return false, nil //nolint:nilerr // an API server that is away may come back
		}
		fresh, left := freshReady(now, old)
		why = fmt.Sprintf("%d of %d pods are ready again, %d old ones are left%s", fresh, len(old), left, whyPods(now))
		return left == 0 && fresh >= ready, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %s", err, why)
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
