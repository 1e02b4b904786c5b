package deploy

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// gate makes the pod one that is ready only while a condition is true, which is written
// through the API: no network takes part, so that no policy can be in the way.
func gate(pod *corev1.Pod) {
	pod.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: scenario.ConditionReady}}
}

// open opens or shuts a pod's gate. It returns when the API answered.
func (s *Stage) open(ctx context.Context, e flow.Endpoint, open bool) error {
	status := corev1.ConditionFalse
	if open {
		status = corev1.ConditionTrue
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{
		"conditions": []corev1.PodCondition{{Type: scenario.ConditionReady, Status: status, LastTransitionTime: metav1.Now()}},
	}})
	if err != nil {
		return err
	}
	_, err = s.api.CoreV1().Pods(s.real(e.Namespace)).Patch(ctx, e.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		return fmt.Errorf("writing the condition %s of pod %q: %w", scenario.ConditionReady, e, err)
	}
	return nil
}

// setReady makes a pod ready or unready, and returns when its node has said so.
func (s *Stage) setReady(ctx context.Context, e flow.Endpoint, ready bool) error {
	if err := s.open(ctx, e, ready); err != nil {
		return err
	}
	p, wanted := s.pods[e], "ready"
	if p.unready = !ready; p.unready {
		wanted = "unready"
	}
	return s.watch(ctx, e.Namespace, func(now map[string]*corev1.Pod) (string, error) {
		pod := now[e.Name]
		switch {
		case pod == nil || string(pod.UID) != p.uid || pod.DeletionTimestamp != nil:
			return "", fmt.Errorf("pod %q was deleted, and not by cniproof", e)
		case cluster.PodReady(pod) != ready:
			return fmt.Sprintf("pod %q to be %s (%s)", e, wanted, cluster.PodState(pod)), nil
		}
		return "", nil
	})
}

// Unready are the pods that steps have made unready, and that neither have completed nor
// terminate, sorted.
func (s *Stage) Unready() []flow.Endpoint {
	return s.those(func(p *podState) bool { return p.unready && !p.completed && !p.terminating })
}
