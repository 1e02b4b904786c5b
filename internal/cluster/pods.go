package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// WatchPods follows the pods of a namespace that a label selector takes ("" takes
// all), until done has enough or fails, or ctx ends. done gets them by name, after
// every change. A watch that breaks off is begun again after pause: what the API
// said last is then part of the error, if ctx ends first.
func WatchPods(ctx context.Context, api kubernetes.Interface, namespace, selector string, pause time.Duration,
	done func(map[string]*corev1.Pod) (bool, error),
) error {
	f := &follower{api: api, namespace: namespace, selector: selector, done: done}
	tick := time.NewTicker(max(pause, time.Millisecond))
	defer tick.Stop()
	for {
		broken := f.follow(ctx)
		if f.finished || f.err != nil {
			return f.err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if broken != nil && !errors.Is(broken, ctx.Err()) {
				return fmt.Errorf("%w (%w)", ctx.Err(), broken)
			}
			return ctx.Err()
		}
	}
}

// follower is one WatchPods.
type follower struct {
	api                 kubernetes.Interface
	namespace, selector string
	done                func(map[string]*corev1.Pod) (bool, error)

	pods     map[string]*corev1.Pod
	finished bool
	err      error // of done
}

// follow lists, and then watches until there is enough or the watch breaks off.
func (f *follower) follow(ctx context.Context) error {
	client := f.api.CoreV1().Pods(f.namespace)
	list, err := client.List(ctx, metav1.ListOptions{LabelSelector: f.selector})
	if err != nil {
		return err
	}
	f.pods = map[string]*corev1.Pod{}
	for i := range list.Items {
		f.pods[list.Items[i].Name] = &list.Items[i]
	}
	if f.enough() {
		return nil
	}
	w, err := client.Watch(ctx, metav1.ListOptions{LabelSelector: f.selector, ResourceVersion: list.ResourceVersion})
	if err != nil {
		return err
	}
	defer w.Stop()
	for {
		select {
		case event, open := <-w.ResultChan():
			pod, ok := event.Object.(*corev1.Pod)
			if !open || !ok {
				return errors.New("the watch broke off")
			}
			f.take(event.Type, pod)
			if f.enough() {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *follower) take(t watch.EventType, pod *corev1.Pod) {
	if t == watch.Deleted {
		delete(f.pods, pod.Name)
		return
	}
	f.pods[pod.Name] = pod
}

func (f *follower) enough() bool {
	f.finished, f.err = f.done(f.pods)
	return f.finished || f.err != nil
}

// PodTrouble is why a pod will not start by itself, in the kubelet's words, or nil.
func PodTrouble(pod *corev1.Pod) error {
	if pod == nil {
		return nil
	}
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		w := c.State.Waiting
		if w == nil {
			continue
		}
		switch w.Reason {
		case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
			return fmt.Errorf("node %q cannot have the agent's image %q: %s: %s (load it there, or name one that can be pulled with --agent-image)",
				pod.Spec.NodeName, c.Image, w.Reason, w.Message)
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff":
			return fmt.Errorf("node %q cannot run the agent: %s: %s", pod.Spec.NodeName, w.Reason, w.Message)
		}
	}
	return nil
}

// mostWarnings bounds what PodWarnings returns, and longestWarning each of them in bytes.
const (
	mostWarnings   = 2
	longestWarning = 400
)

// PodWarnings are the last warnings of Kubernetes about the pods of a namespace, the
// newest first, each once: why one does not start, where its own status does not say.
// What cannot be read is left out.
func PodWarnings(ctx context.Context, api kubernetes.Interface, namespace string) []string {
	list, err := api.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=" + corev1.EventTypeWarning + ",involvedObject.kind=Pod"})
	if err != nil {
		return nil
	}
	slices.SortStableFunc(list.Items, func(a, b corev1.Event) int { return b.LastTimestamp.Compare(a.LastTimestamp.Time) })
	var said []string
	pods := map[string]bool{}
	for _, e := range list.Items {
		if len(said) < mostWarnings && !pods[e.InvolvedObject.Name] {
			pods[e.InvolvedObject.Name] = true
			said = append(said, fmt.Sprintf("pod %q: %s: %s", e.InvolvedObject.Name, e.Reason, shortened(e.Message, longestWarning)))
		}
	}
	return said
}

// shortened leaves out the middle of a text that is longer than most bytes: what went
// wrong stands at either end.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most/4], "") + " ... " + strings.ToValidUTF8(text[len(text)-most*3/4:], "")
}

// PodState says in a few words how far a pod has come.
func PodState(pod *corev1.Pod) string {
	if pod == nil {
		return "it does not exist"
	}
	words := []string{strings.ToLower(string(pod.Status.Phase))}
	if pod.Spec.NodeName != "" {
		words = append(words, "on "+pod.Spec.NodeName)
	}
	for _, c := range pod.Status.Conditions {
		if c.Status == corev1.ConditionFalse && c.Message != "" {
			words = append(words, c.Message)
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil {
			words = append(words, w.Reason, w.Message)
		}
	}
	return strings.TrimSpace(strings.Join(words, ", "))
}
