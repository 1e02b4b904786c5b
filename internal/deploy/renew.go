package deploy

import (
	"context"
	"fmt"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// renew deletes a namespace, waits until it is gone and makes another one of the same
// name at once, with the pods of the topology and their Services. It returns when the
// pods are ready.
func (s *Stage) renew(ctx context.Context, r scenario.Renewal) error {
	name := s.real(r.Name)
	if err := s.hurry(ctx, r.Pods); err != nil {
		return err
	}
	err := s.api.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting namespace %q: %w", name, err)
	}
	if err := s.awaitNamespaceGone(ctx, name); err != nil {
		return err
	}
	maps.DeleteFunc(s.policies, func(key scenario.PolicyKey, _ bool) bool { return key.Namespace == r.Name })
	if err := s.createNamespace(ctx, r.Namespace); err != nil {
		return err
	}
	s.labels[r.Name] = maps.Clone(r.Labels)
	var pods []*podState
	for _, e := range r.Pods {
		pods = append(pods, s.pods[e])
	}
	if err := each(r.Pods, func(e flow.Endpoint) error {
		s.pods[e].services = nil
		return s.createPod(ctx, s.pods[e])
	}); err != nil {
		return err
	}
	return s.awaitReady(ctx, r.Name, pods)
}

// awaitNamespaceGone asks again and again: nothing else is done with namespaces that
// would need the right to watch them.
func (s *Stage) awaitNamespaceGone(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, podTimeout)
	defer cancel()
	tick := time.NewTicker(max(s.cluster.Description().Pace.Poll, time.Millisecond))
	defer tick.Stop()
	for {
		_, err := s.api.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil && ctx.Err() == nil:
			return fmt.Errorf("waiting for namespace %q to be gone: %w", name, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for namespace %q to be gone: %w", name, ctx.Err())
		}
	}
}
