package embedded

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// grace is how long a pod that is being deleted may take.
func grace(pod *corev1.Pod) time.Duration {
	if s := pod.DeletionGracePeriodSeconds; s != nil {
		return time.Duration(*s) * time.Second
	}
	return 0
}

// told is closed when the pod's agent is told to end; nil where there is none.
func (r *podRun) told() <-chan struct{} {
	if r.keeper == nil {
		return nil
	}
	return r.keeper.leaving
}

// terminate tells the pod's agent to end, and ends it when the grace period is over. It
// may be called again with a shorter one. What has no agent yet, or none at all, ends at
// once. The kubelet's lock must be held.
func (r *podRun) terminate(grace time.Duration) {
	settled := false
	select {
	case <-r.placed:
		settled = r.keeper != nil
	default:
	}
	switch {
	case !settled || grace <= 0:
		r.stop()
	case r.end == nil:
		r.end = time.AfterFunc(grace, r.stop)
		r.keeper.tell()
	default:
		r.end.Reset(grace)
	}
}
