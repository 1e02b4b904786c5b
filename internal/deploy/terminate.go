package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/flow"
)

// ErrEnded says that a pod was not all the while terminating when it should have been:
// nothing can be told of it.
var ErrEnded = errors.New("the pod did not go on terminating")

// lingering is the grace period of pods that a step deletes and that are to go on. It
// ends when the scenario is over; a stage that nobody takes down keeps its namespaces so
// long.
const lingering = 3 * time.Minute

// briefly is the grace period of every other pod, in seconds.
const briefly int64 = 1

// linger makes the pod one that spends its grace period serving and dialling.
func linger(pod *corev1.Pod) {
	grace := int64(lingering / time.Second)
	pod.Spec.TerminationGracePeriodSeconds = &grace
	agent := &pod.Spec.Containers[0]
	agent.Args = append(agent.Args, "--linger")
}

// terminate begins to delete a pod. It returns when the API answered.
func (s *Stage) terminate(ctx context.Context, e flow.Endpoint) error {
	if err := s.api.CoreV1().Pods(s.real(e.Namespace)).Delete(ctx, e.Name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("deleting pod %q with a grace period of %s: %w", e, lingering, err)
	}
	s.pods[e].terminating = true
	return nil
}

// Terminating are the pods that are being deleted and go on, sorted.
func (s *Stage) Terminating() []flow.Endpoint {
	return s.those(func(p *podState) bool { return p.terminating })
}

// StillTerminating is an error where the API says of one of those pods that it is gone,
// has ended, or is another one by now. What was seen of it may have been of its end.
func (s *Stage) StillTerminating(ctx context.Context) error {
	return each(s.Terminating(), func(e flow.Endpoint) error {
		pod, err := s.api.CoreV1().Pods(s.real(e.Namespace)).Get(ctx, e.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return fmt.Errorf("%w: %q is gone", ErrEnded, e)
		case err != nil:
			return fmt.Errorf("asking whether pod %q still terminates: %w", e, err)
		case string(pod.UID) != s.pods[e].uid || pod.DeletionTimestamp == nil:
			return fmt.Errorf("%w: %q is another one", ErrEnded, e)
		case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
			return fmt.Errorf("%w: %q has %s", ErrEnded, e, pod.Status.Phase)
		}
		return nil
	})
}

// hurry ends pods that would use their whole grace period: else their namespaces stay as
// long.
func (s *Stage) hurry(ctx context.Context, pods []flow.Endpoint) error {
	return each(pods, func(e flow.Endpoint) error {
		if !s.lingers(e) {
			return nil
		}
		return s.deletePod(ctx, e)
	})
}

// deletePod deletes a pod without giving it time, also one that is being deleted.
func (s *Stage) deletePod(ctx context.Context, e flow.Endpoint) error {
	s.leave(ctx, e)
	grace := briefly
	err := s.api.CoreV1().Pods(s.real(e.Namespace)).Delete(ctx, e.Name, metav1.DeleteOptions{GracePeriodSeconds: &grace})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting pod %q: %w", e, err)
	}
	return nil
}

// leaving is how long an agent may take to say that it will end.
const leaving = 5 * time.Second

// leave has the agent of a pod that terminates end by itself: a container runtime that was
// told to wait for the whole grace period waits, whatever the API says later. An agent
// that cannot be reached has the grace period.
func (s *Stage) leave(ctx context.Context, e flow.Endpoint) {
	if !s.pods[e].terminating || s.End == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leaving)
	defer cancel()
	_ = s.End(ctx, s.Agent(e))
}

func (s *Stage) lingers(e flow.Endpoint) bool { return slices.Contains(s.topology.Terminating, e) }
