package cni

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// AwaitReady waits until everything that the entry calls ready is up on every node,
// and every node is ready. Only the context ends it before; the error then says what
// was still missing, and why, where pods tell. progress is told when that changes.
func AwaitReady(ctx context.Context, api kubernetes.Interface, e Entry, progress func(string)) error {
	missing := ""
	err := until(ctx, forever, func(ctx context.Context) (bool, error) {
		now := e.missing(ctx, api)
		if now != missing && now != "" {
			progress(fmt.Sprintf("waiting for %s: %s", e.Title, now))
		}
		missing = now
		return missing == "", nil
	})
	if err != nil && missing != "" {
		return fmt.Errorf("waiting for %s to be ready: %w: %s", e.Name, err, missing)
	}
	if err != nil {
		return fmt.Errorf("waiting for %s to be ready: %w", e.Name, err)
	}
	return nil
}

// missing says what is not ready yet, "" where everything is.
func (e Entry) missing(ctx context.Context, api kubernetes.Interface) string {
	var parts []string
	for _, w := range e.Ready {
		if why := w.missing(ctx, api); why != "" {
			parts = append(parts, w.String()+" "+why)
		}
	}
	if why := nodesMissing(ctx, api); len(parts) == 0 && why != "" {
		parts = append(parts, why)
	}
	return strings.Join(parts, "; ")
}

// rollout is how far a workload has come.
type rollout struct {
	observed                 bool // the controller has seen the latest change
	wanted, updated, running int32
	selector                 *metav1.LabelSelector
}

func (w Workload) rollout(ctx context.Context, api kubernetes.Interface) (rollout, error) {
	if w.Kind == Deployment {
		d, err := api.AppsV1().Deployments(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
		if err != nil {
			return rollout{}, err
		}
		return deploymentRollout(d), nil
	}
	d, err := api.AppsV1().DaemonSets(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
	if err != nil {
		return rollout{}, err
	}
	s := d.Status
	return rollout{s.ObservedGeneration >= d.Generation, s.DesiredNumberScheduled, s.UpdatedNumberScheduled, s.NumberAvailable, d.Spec.Selector}, nil
}

func deploymentRollout(d *appsv1.Deployment) rollout {
	wanted := int32(1)
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	return rollout{d.Status.ObservedGeneration >= d.Generation, wanted, d.Status.UpdatedReplicas, d.Status.AvailableReplicas, d.Spec.Selector}
}

// complete reports whether every pod that there should be runs, and none is of an
// earlier state. A DaemonSet that should run nowhere is one that found no node.
func (r rollout) complete(kind string) bool {
	return r.observed && r.updated >= r.wanted && r.running >= r.wanted && (r.wanted > 0 || kind == Deployment)
}

func (w Workload) missing(ctx context.Context, api kubernetes.Interface) string {
	r, err := w.rollout(ctx, api)
	switch {
	case apierrors.IsNotFound(err):
		return "does not exist"
	case err != nil:
		return err.Error()
	case r.complete(w.Kind):
		return ""
	}
	why := ""
	if pods, err := podsOf(ctx, api, w.Namespace, r.selector); err == nil {
		why = whyPods(pods)
	}
	return fmt.Sprintf("has %d of %d pods ready%s", r.running, r.wanted, why)
}

func podsOf(ctx context.Context, api kubernetes.Interface, namespace string, selector *metav1.LabelSelector) ([]corev1.Pod, error) {
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil, err
	}
	list, err := api.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: s.String()})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// whyPods says what pods wait for: each reason once.
func whyPods(pods []corev1.Pod) string {
	var reasons []string
	for _, p := range pods {
		for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
			if why := whyContainer(c); why != "" && !slices.Contains(reasons, why) {
				reasons = append(reasons, why)
			}
		}
	}
	if len(reasons) == 0 {
		return ""
	}
	return " (" + strings.Join(reasons, ", ") + ")"
}

func whyContainer(c corev1.ContainerStatus) string {
	switch {
	case c.State.Waiting != nil && c.State.Waiting.Reason == "ImagePullBackOff", c.State.Waiting != nil && c.State.Waiting.Reason == "ErrImagePull":
		return fmt.Sprintf("%s: image %s cannot be pulled", c.Name, c.Image)
	case c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff":
		return fmt.Sprintf("%s: crashed %d times%s", c.Name, c.RestartCount, lastWords(c))
	case c.State.Waiting != nil && c.State.Waiting.Reason != "PodInitializing":
		return c.Name + ": " + c.State.Waiting.Reason
	case c.State.Running != nil && !c.Ready:
		return c.Name + ": not ready"
	}
	return ""
}

func lastWords(c corev1.ContainerStatus) string {
	t := c.LastTerminationState.Terminated
	if t == nil {
		return ""
	}
	message := strings.TrimSpace(t.Message)
	if message == "" {
		return fmt.Sprintf(" with exit code %d", t.ExitCode)
	}
	return ": " + message
}

func nodesMissing(ctx context.Context, api kubernetes.Interface) string {
	nodes, err := api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	var waiting []string
	for _, n := range nodes.Items {
		if why := whyNode(n); why != "" {
			waiting = append(waiting, fmt.Sprintf("node %s is not ready (%s)", n.Name, why))
		}
	}
	if len(nodes.Items) == 0 {
		return "there is no node"
	}
	return strings.Join(waiting, "; ")
}

func whyNode(n corev1.Node) string {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			if c.Status == corev1.ConditionTrue {
				return ""
			}
			return c.Message
		}
	}
	return "it has not reported yet"
}
