package deploy

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// ErrNoReuse says that a pod never got the address that it should have: what a step
// is about did not happen, and nothing can be told.
var ErrNoReuse = errors.New("the address was not given out again")

// Bounds of the tries to get an address again.
const (
	reuseTries = 600
	reuseTime  = 5 * time.Minute
)

// Gone are the pods that have completed, sorted.
func (s *Stage) Gone() []flow.Endpoint { return s.those(func(p *podState) bool { return p.completed }) }

func (s *Stage) those(are func(*podState) bool) []flow.Endpoint {
	var list []flow.Endpoint
	for e, p := range s.pods {
		if are(p) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b flow.Endpoint) int { return flow.Compare(flow.Flow{Source: a}, flow.Flow{Source: b}) })
	return list
}

// Revive starts the pods anew that have completed or terminate, as they were at first, and
// returns which.
func (s *Stage) Revive(ctx context.Context) ([]flow.Endpoint, error) {
	gone := append(s.Gone(), s.Terminating()...)
	return gone, each(gone, func(e flow.Endpoint) error { return s.recreate(ctx, e) })
}

// complete ends a pod's agent and returns when the API says that the pod succeeded.
func (s *Stage) complete(ctx context.Context, e flow.Endpoint) error {
	if s.End == nil {
		return fmt.Errorf("completing pod %q: nobody can tell its agent to end", e)
	}
	if err := s.End(ctx, s.Agent(e)); err != nil {
		return fmt.Errorf("completing pod %q: %w", e, err)
	}
	p := s.pods[e]
	err := s.watch(ctx, e.Namespace, func(now map[string]*corev1.Pod) (string, error) {
		pod := now[e.Name]
		switch {
		case pod == nil || string(pod.UID) != p.uid:
			return "", fmt.Errorf("pod %q was deleted, and not by cniproof", e)
		case pod.Status.Phase == corev1.PodFailed:
			return "", fmt.Errorf("pod %q failed instead of completing", e)
		case pod.Status.Phase != corev1.PodSucceeded:
			return fmt.Sprintf("pod %q to complete", e), nil
		}
		return "", nil
	})
	if err != nil {
		return err
	}
	p.completed, p.had, p.addrs = true, p.addrs, nil
	return nil
}

// remove deletes the object of a completed pod.
func (s *Stage) remove(ctx context.Context, e flow.Endpoint) error {
	err := s.api.CoreV1().Pods(s.real(e.Namespace)).Delete(ctx, e.Name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting the completed pod %q: %w", e, err)
	}
	return s.awaitGone(ctx, e)
}

// awaitGone returns when the pod that was known under the name has left the API.
func (s *Stage) awaitGone(ctx context.Context, e flow.Endpoint) error {
	return s.watch(ctx, e.Namespace, func(now map[string]*corev1.Pod) (string, error) {
		if pod := now[e.Name]; pod != nil && string(pod.UID) == s.pods[e].uid {
			return fmt.Sprintf("pod %q to be gone", e), nil
		}
		return "", nil
	})
}

// reuse starts a pod again and again until it has the addresses that another had. A
// cluster gives out its other addresses first.
func (s *Stage) reuse(ctx context.Context, h scenario.Heir) error {
	begin, seen := time.Now(), map[netip.Addr]bool{}
	for range reuseTries {
		if err := s.recreate(ctx, h.Pod); err != nil {
			return err
		}
		got := s.pods[h.Pod].addrs
		if slices.ContainsFunc(got, func(a netip.Addr) bool { return slices.Contains(s.pods[h.Of].had, a) }) {
			return nil
		}
		for _, a := range got {
			seen[a] = true
		}
		if time.Since(begin) > reuseTime {
			break
		}
	}
	return fmt.Errorf("%w: pod %q was started over and over for %s and got %d other addresses, never %v of pod %q; "+
		"a small range of pod addresses on each node brings them back sooner (kind: --kind-config small-pod-cidr)",
		ErrNoReuse, h.Pod, time.Since(begin).Round(time.Second), len(seen), s.pods[h.Of].had, h.Of)
}
