package embedded

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// initialise runs the pod's init containers, one after the other, each until it has
// ended well. It returns false when ctx ended first, or one failed that is not to be
// started again. One that is to run for as long as the pod does is not run, like every
// container of a pod but its first: the agent serves the ports of all.
func (r *podRun) initialise(ctx context.Context, net *podNet) bool {
	for i := range r.pod.Spec.InitContainers {
		if outlives(&r.pod.Spec.InitContainers[i]) {
			r.initialised(i, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now().Rfc3339Copy()}}, true)
			continue
		}
		for backoff := firstBackoff; ; backoff = min(2*backoff, lastBackoff) {
			well := r.initialiseBy(ctx, net, i)
			if well {
				break
			}
			if ctx.Err() != nil || r.pod.Spec.RestartPolicy == corev1.RestartPolicyNever {
				return false
			}
			timer := time.NewTimer(backoff)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return false
			}
		}
	}
	r.update(func(pod *corev1.Pod) { setCondition(&pod.Status, corev1.PodInitialized, true, "", "") })
	return true
}

// initialiseBy runs one init container and reports whether it ended well.
func (r *podRun) initialiseBy(ctx context.Context, net *podNet, i int) bool {
	c := &r.pod.Spec.InitContainers[i]
	p, err := r.kubelet.launcher.start(net.namespace, r.name()+"/"+string(r.pod.UID), c.Args...)
	if err != nil {
		r.kubelet.logf("pod %s, container %s: %v", r.name(), c.Name, err)
		return false
	}
	select {
	case <-p.exited:
	case <-ctx.Done():
	}
	p.kill()
	if ctx.Err() != nil {
		return false
	}
	end := &corev1.ContainerStateTerminated{ExitCode: int32(p.cmd.ProcessState.ExitCode()), Reason: "Completed", Message: p.stdout.String()}
	if !p.cmd.ProcessState.Success() {
		end.Reason, end.Message = "Error", p.death().Error()
		r.kubelet.logf("pod %s, container %s: %v", r.name(), c.Name, p.death())
	}
	r.initialised(i, corev1.ContainerState{Terminated: end}, end.ExitCode == 0)
	return end.ExitCode == 0
}

// outlives reports whether an init container runs on beside the others.
func outlives(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// initialised writes what has become of an init container.
func (r *podRun) initialised(i int, state corev1.ContainerState, well bool) {
	c := &r.pod.Spec.InitContainers[i]
	status := corev1.ContainerStatus{Name: c.Name, Image: c.Image, ImageID: c.Image, Ready: well, State: state}
	r.update(func(pod *corev1.Pod) {
		list := pod.Status.InitContainerStatuses
		pod.Status.InitContainerStatuses = slices.Concat(list[:min(i, len(list))], []corev1.ContainerStatus{status})
		if !well && pod.Spec.RestartPolicy == corev1.RestartPolicyNever {
			pod.Status.Phase = corev1.PodFailed
		}
	})
}
